# SPDX-License-Identifier: Apache-2.0
"""Every room says in at most 30 lines what lives in it, what may not, and what it may include."""

import tree

PARENTS = ["src", "tests", "tools"]
SINGLE = ["apps", "bench", "include", "models/demo", "tests", "tools", "train"]
LINES = 30


def rooms(root):
    """Folders that must explain themselves, with whether the 30 lines bind them."""
    for parent in PARENTS:
        for folder in sorted((root / parent).glob("*")):
            if folder.is_dir() and not tree.skipped(folder.name) and any(folder.rglob("*.*")):
                yield folder, parent == "src"
    for name in SINGLE:
        folder = root / name
        if folder.is_dir() and any(folder.rglob("*.*")):
            yield folder, False


def main():
    root = tree.root_argument(__doc__).parse_args().root.resolve()
    problems, count = [], 0
    for folder, bound in rooms(root):
        count += 1
        readme = folder / "README.md"
        where = readme.relative_to(root)
        if not readme.is_file():
            problems.append(f"{where}: missing")
            continue
        lines = len(readme.read_text(encoding="utf-8").splitlines())
        if bound and lines > LINES:
            problems.append(f"{where}: {lines} lines, limit {LINES}")
    tree.report("lint.readme", problems, f"{count} folders")


if __name__ == "__main__":
    main()
