# SPDX-License-Identifier: Apache-2.0
"""What every linter needs: the files of the tree, and one way to report."""

import argparse
import os
import pathlib
import sys

SKIPPED = {"build", "node_modules", "dist", "__pycache__", "results"}
CPP = {".h", ".cc", ".cu", ".cuh"}


def skipped(name):
    return name.startswith(".") or name in SKIPPED or name.startswith("build-")


def files(root, folders=(".",), suffixes=None):
    """Paths below root/folders, relative to root, sorted, without build output and hidden folders."""
    found = []
    for folder in folders:
        for here, subfolders, names in os.walk(root / folder):
            subfolders[:] = sorted(name for name in subfolders if not skipped(name))
            for name in names:
                path = pathlib.Path(here, name).relative_to(root)
                if suffixes is None or path.suffix in suffixes or name in suffixes:
                    found.append(path)
    return sorted(set(found))


def read(root, path):
    return (root / path).read_text(encoding="utf-8")


def root_argument(description):
    parser = argparse.ArgumentParser(description=description)
    default = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--root", type=pathlib.Path, default=default, help="tree to check")
    return parser


def report(name, problems, checked):
    """Prints every problem and exits 1, or says what was checked."""
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{name}: {len(problems)} problems")
    print(f"{name}: {checked}, no problems")
