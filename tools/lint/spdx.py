# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence in its first line, or in the second after a #! line."""

import tree

LINE = "SPDX-License-Identifier: Apache-2.0"
SUFFIXES = tree.CPP | {".py", ".sh", ".cmake", ".toml", ".ts", ".css", "Makefile", "run"}


def named(text):
    lines = text.splitlines()[:2]
    if lines and not lines[0].startswith("#!"):
        lines = lines[:1]
    return any(LINE in line for line in lines)


def main():
    root = tree.root_argument(__doc__).parse_args().root.resolve()
    paths = [*tree.files(root, suffixes=SUFFIXES), *tree.files(root, [".ci"])]
    problems = [
        f"{path}: the first line does not say {LINE}"
        for path in paths
        if tree.read(root, path).strip() and not named(tree.read(root, path))
    ]
    tree.report("lint.spdx", problems, f"{len(paths)} files")


if __name__ == "__main__":
    main()
