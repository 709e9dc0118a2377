# SPDX-License-Identifier: Apache-2.0
"""Every shared library a program loads belongs to a package of THIRD_PARTY.md, and none is GPL.

Asks ldd for the libraries and dpkg for their packages, so it needs a Debian system; elsewhere it
says so and passes.
"""

import os
import re
import shutil
import subprocess

import tree

ROW = re.compile(r"^\| ([a-z0-9+.-]+) \| ([^|]+) \|", re.MULTILINE)
SANITIZER = re.compile(r"lib(a|t|ub|l)san\.so")


def table(root):
    """{package: licence} of the linked section of THIRD_PARTY.md."""
    section = tree.read(root, "THIRD_PARTY.md").split("## Linked")[1].split("\n## ")[0]
    return {name: licence.strip() for name, licence in ROW.findall(section)}


def libraries(program):
    output = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", output)))


def package_of(library):
    """dpkg knows a file under one of its names: as linked, resolved, or without the /usr prefix."""
    real = os.path.realpath(library)
    for name in (library, real, real.removeprefix("/usr"), "/usr" + library):
        done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    return None


def copyleft(licence):
    return re.search(r"(?<!L)A?GPL", licence) and "WITH GCC-exception" not in licence


def main():
    parser = tree.root_argument(__doc__)
    parser.add_argument("program")
    arguments = parser.parse_args()
    if shutil.which("dpkg") is None:
        print("lint.licences: skipped, no dpkg here")
        return
    known = table(arguments.root)
    problems = [
        f"THIRD_PARTY.md: {name} is {licence}" for name, licence in known.items() if copyleft(licence)
    ]
    linked = libraries(arguments.program)
    for library in linked:
        package = package_of(library)
        if package not in known and not SANITIZER.search(library):
            problems.append(f"{library}: package {package} is not in THIRD_PARTY.md")
    tree.report("lint.licences", problems, f"{len(linked)} libraries")


if __name__ == "__main__":
    main()
