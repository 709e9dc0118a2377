# SPDX-License-Identifier: Apache-2.0
"""Every relative link in a Markdown file leads to a file and, after a #, to a heading that exists."""

import re

import tree

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


def anchors(text):
    """The ids that GitHub and mkdocs give the headings of a page."""
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(words.strip().replace(" ", "-"))
    return found


def check(root, path):
    problems = []
    text = CODE.sub("", FENCE.sub("", tree.read(root, path)))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (root / path).parent / name if name else root / path
        if not target.exists():
            problems.append(f"{path}: link to {link}, which does not exist")
        elif anchor and target.suffix == ".md":
            if anchor not in anchors(target.read_text(encoding="utf-8")):
                problems.append(f"{path}: link to {link}: no such heading")
    return problems


def main():
    root = tree.root_argument(__doc__).parse_args().root.resolve()
    paths = tree.files(root, suffixes={".md"})
    problems = [problem for path in paths for problem in check(root, path)]
    tree.report("lint.links", problems, f"{len(paths)} pages")


if __name__ == "__main__":
    main()
