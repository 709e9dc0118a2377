# SPDX-License-Identifier: Apache-2.0
"""The linters must fail on what they are for: each test builds a small tree with one fault in it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
TABLE = """
[rooms]
include = []
base = []
tensor = ["base"]
ops = ["tensor", "base"]
cpu = ["ops", "base"]
[roots]
folders = ["apps", "tests"]
[backends]
only_roots = ["cpu"]
[external]
"boost/" = ["http"]
"""
GOOD = {
    "tools/lint/layers.toml": TABLE,
    "src/base/CMakeLists.txt": "monocle_room(base)\n",
    "src/base/a.h": SPDX,
    "src/tensor/CMakeLists.txt": "monocle_room(tensor DEPS base LIBS fmt::fmt)\n",
    "src/tensor/t.h": SPDX + '#include <vector>\n#include "base/a.h"\n',
    "src/ops/CMakeLists.txt": "monocle_room(ops DEPS tensor base APART ALL)\n",
    "src/ops/o.h": SPDX + '#include "tensor/t.h"\n',
    "src/ops/o_test.cc": SPDX + '#include "base/a.h"\n#include "ops/o.h"\n',
    "src/cpu/CMakeLists.txt": "monocle_room(cpu DEPS ops base)\n",
    "src/cpu/c.cc": SPDX + '#include "ops/o.h"\n',
    "apps/ask.cc": SPDX + '#include "cpu/c.h"\n#include "ops/o.h"\n',
    "src/cpu/c.h": SPDX,
}


class LintCase(unittest.TestCase):
    def run_lint(self, script, changes, *arguments):
        """(exit code, output) of a linter on the good tree with `changes` applied."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**GOOD, **changes}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            command = [sys.executable, str(HERE / script), "--root", folder, *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def assert_fault(self, script, changes, message):
        code, output = self.run_lint(script, changes)
        self.assertEqual(code, 1, output)
        self.assertIn(message, output)

    def assert_clean(self, script, changes):
        code, output = self.run_lint(script, changes)
        self.assertEqual(code, 0, output)


class Layers(LintCase):
    def test_good_tree(self):
        self.assert_clean("layers.py", {})

    def test_back_edge(self):
        change = {"src/base/b.cc": SPDX + '#include "tensor/t.h"\n'}
        self.assert_fault("layers.py", change, "base may not include tensor")

    def test_back_edge_in_angle_brackets(self):
        change = {"src/base/b.cc": SPDX + "#  include <tensor/t.h>\n"}
        self.assert_fault("layers.py", change, "base may not include tensor")

    def test_include_in_a_comment_does_not_count(self):
        change = {"src/base/b.cc": SPDX + '/*\n#include "tensor/t.h"\n*/\n// #include "ops/o.h"\n'}
        self.assert_clean("layers.py", change)

    def test_climbing_include(self):
        change = {"src/base/b.cc": SPDX + '#include "../tensor/t.h"\n'}
        self.assert_fault("layers.py", change, "climbs")

    def test_missing_header(self):
        change = {"src/tensor/b.cc": SPDX + '#include "base/none.h"\n'}
        self.assert_fault("layers.py", change, "does not exist")

    def test_backend_named_by_a_room(self):
        table = TABLE.replace('["ops", "base"]', '["ops", "base"]\nengine = ["cpu"]')
        change = {"tools/lint/layers.toml": table}
        self.assert_fault("layers.py", change, "which only a root may")

    def test_unit_test_may_reach_below_but_not_above(self):
        change = {"src/tensor/t_test.cc": SPDX + '#include "ops/o.h"\n'}
        self.assert_fault("layers.py", change, "tensor may not include ops")

    def test_nothing_includes_a_program(self):
        change = {"src/ops/p.cc": SPDX + '#include "apps/ask.h"\n', "apps/ask.h": SPDX}
        self.assert_fault("layers.py", change, "nothing may include apps/")

    def test_external_header_outside_its_room(self):
        change = {"src/base/b.cc": SPDX + "#include <boost/asio.hpp>\n"}
        self.assert_fault("layers.py", change, "base may not include <boost/asio.hpp>")

    def test_cycle_in_the_table(self):
        table = TABLE.replace("base = []", 'base = ["ops"]')
        self.assert_fault("layers.py", {"tools/lint/layers.toml": table}, "cycle")

    def test_unknown_room_in_the_table(self):
        table = TABLE.replace("base = []", 'base = ["attic"]')
        self.assert_fault("layers.py", {"tools/lint/layers.toml": table}, "which is no room")

    def test_folder_that_is_no_room(self):
        self.assert_fault("layers.py", {"src/attic/x.h": SPDX}, "src/attic: not a room")

    def test_cmake_deps_beyond_the_table(self):
        change = {"src/base/CMakeLists.txt": "monocle_room(base DEPS tensor)\n"}
        self.assert_fault("layers.py", change, "DEPS tensor, but base may not include tensor")

    def test_cmake_links_beyond_the_table(self):
        change = {"src/ops/CMakeLists.txt": "monocle_room(ops DEPS tensor base APART ALL)\n"
                                            "target_link_libraries(ops_test monocle_cpu)\n"}
        self.assert_fault("layers.py", change, "links monocle_cpu")

    def test_include_that_deps_does_not_name(self):
        change = {"src/ops/CMakeLists.txt": "monocle_room(ops\n  DEPS base # tensor\n  LIBS x)\n"}
        self.assert_fault("layers.py", change, "does not name it in DEPS")

    def test_stale_drawing(self):
        page = "<!-- graph:begin -->\nold\n<!-- graph:end -->\n"
        self.assert_fault("layers.py", {"docs/architecture/overview.md": page}, "not the table")
        _, graph = self.run_lint("layers.py", {}, "--graph")
        page = f"<!-- graph:begin -->\n{graph}<!-- graph:end -->\n"
        self.assert_clean("layers.py", {"docs/architecture/overview.md": page})


class Size(LintCase):
    def test_long_file(self):
        change = {"src/base/long.cc": SPDX + "\n" * 400}
        self.assert_fault("size.py", change, "401 lines, limit 400")

    def test_named_exception_and_its_end(self):
        entry = '[[file]]\npath = "src/base/long.cc"\nlines = 500\nreason = "a table"\n'
        change = {"tools/lint/exceptions.toml": entry, "src/base/long.cc": SPDX + "\n" * 400}
        self.assert_clean("size.py", change)
        change["src/base/long.cc"] = SPDX
        self.assert_fault("size.py", change, "no longer needed")

    def test_long_function_and_many_parameters(self):
        try:
            import lizard  # noqa: F401
        except ImportError:
            self.skipTest("lizard is not installed")
        body = "int f(int a) {\n" + "  a += 1;\n" * 60 + "  return a;\n}\n"
        self.assert_fault("size.py", {"src/base/f.cc": SPDX + body}, "63 lines, limit 60")
        wide = "int g(int a, int b, int c, int d, int e, int f, int h) { return a; }\n"
        self.assert_fault("size.py", {"src/base/g.cc": SPDX + wide}, "7 parameters, limit 6")
        kernel = {"src/cpu/kernels/f-inl.h": SPDX + body}
        self.assert_clean("size.py", kernel)


class Spdx(LintCase):
    def test_missing_line(self):
        change = {"tools/lint/layers.toml": "# SPDX-License-Identifier: Apache-2.0\n"}
        self.assert_clean("spdx.py", change)
        self.assert_fault("spdx.py", {**change, "src/base/x.cc": "int x;\n"}, "src/base/x.cc")


class Readme(LintCase):
    NAMES = ["src/base", "src/tensor", "src/ops", "src/cpu", "tools", "tools/lint", "apps"]

    def test_missing_and_long(self):
        good = {f"{name}/README.md": "# room\n" for name in self.NAMES}
        self.assert_clean("readme.py", good)
        self.assert_fault("readme.py", {**good, "src/base/README.md": "x\n" * 31}, "limit 30")
        del good["src/ops/README.md"]
        self.assert_fault("readme.py", good, "src/ops/README.md: missing")


class Links(LintCase):
    def test_dead_file_and_dead_heading(self):
        page = "# One\n[a](b.md#two-words) `[x](none.md)`\n"
        other = "# Other\n## Two `words`\n"
        self.assert_clean("links.py", {"docs/a.md": page, "docs/b.md": other})
        self.assert_fault("links.py", {"docs/a.md": page}, "does not exist")
        self.assert_fault("links.py", {"docs/a.md": page, "docs/b.md": "# Other\n"}, "heading")


if __name__ == "__main__":
    unittest.main()
