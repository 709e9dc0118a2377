# SPDX-License-Identifier: Apache-2.0
"""Keeps files and functions small enough to read: 400 lines, 60 lines, 6 parameters.

File length needs nothing but Python. Function length and parameters need lizard (see
requirements-dev.txt); without it they are skipped, and the last line says so.
"""

import tomllib

import tree

try:
    import lizard
except ImportError:
    lizard = None

FOLDERS = ["src", "include", "apps", "tests", "bench", "tools", "train"]
FILE_LINES = 400
FUNCTION_LINES = 60
KERNEL_LINES = 120  # device code: one tile loop is easier to read whole
PARAMETERS = 6


def is_kernel(path):
    return path.suffix in {".cu", ".cuh"} or path.name.endswith("-inl.h")


class Exceptions:
    """The named exceptions; remembers which were needed."""

    def __init__(self, path):
        data = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self.files = {entry["path"]: entry for entry in data.get("file", [])}
        self.functions = {(e["path"], e["name"]): e for e in data.get("function", [])}
        self.needed = set()
        self.entries = [*self.files.values(), *self.functions.values()]

    def limit(self, entry, key, usual, actual):
        if entry is None or key not in entry or actual <= usual:
            return usual
        self.needed.add(id(entry))
        return entry[key]

    def problems(self, functions_checked):
        found = []
        for entry in self.entries:
            what = f"exceptions.toml: {entry['path']} {entry.get('name', '')}".rstrip()
            if not entry.get("reason"):
                found.append(f"{what} gives no reason")
            if id(entry) not in self.needed and (functions_checked or "name" not in entry):
                found.append(f"{what} is no longer needed")
        return found


def check_file(root, path, exceptions):
    lines = len(tree.read(root, path).splitlines())
    limit = exceptions.limit(exceptions.files.get(str(path)), "lines", FILE_LINES, lines)
    return [f"{path}: {lines} lines, limit {limit}"] if lines > limit else []


def check_functions(root, path, exceptions):
    problems = []
    usual = KERNEL_LINES if is_kernel(path) else FUNCTION_LINES
    for function in lizard.analyze_file(str(root / path)).function_list:
        entry = exceptions.functions.get((str(path), function.name))
        where = f"{path}:{function.start_line}: {function.name}"
        lines = function.end_line - function.start_line + 1
        limit = exceptions.limit(entry, "lines", usual, lines)
        if lines > limit:
            problems.append(f"{where}: {lines} lines, limit {limit}")
        # A Python call names its arguments; the limit is for calls that cannot.
        count = 0 if path.suffix == ".py" else len(function.parameters)
        limit = exceptions.limit(entry, "parameters", PARAMETERS, count)
        if count > limit:
            problems.append(f"{where}: {count} parameters, limit {limit}")
    return problems


def main():
    root = tree.root_argument(__doc__).parse_args().root.resolve()
    exceptions = Exceptions(root / "tools/lint/exceptions.toml")
    problems = []
    paths = tree.files(root, FOLDERS, tree.CPP | {".py"})
    for path in paths:
        problems += check_file(root, path, exceptions)
        if lizard is not None:
            problems += check_functions(root, path, exceptions)
    problems += exceptions.problems(lizard is not None)
    how = "functions too" if lizard else "functions skipped: lizard is not installed"
    tree.report("lint.size", problems, f"{len(paths)} files ({how})")


if __name__ == "__main__":
    main()
