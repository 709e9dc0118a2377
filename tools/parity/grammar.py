#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random answers of our grammars against a JSON schema validator.

grammar.py PROGRAM TOKENIZER FOLDER...: PROGRAM is build/*/tests/parity/grammar_main, the folders are drafts of the JSON
Schema Test Suite, as the source package of `jsonschema` brings them (pip download --no-binary :all: jsonschema; then
json/tests/draft2020-12, json/tests/draft7, ...). Each schema is either refused by name, or every random answer within its
grammar is valid for the `jsonschema` package.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import jsonschema


VALIDATORS = {
    "draft4": jsonschema.Draft4Validator,
    "draft6": jsonschema.Draft6Validator,
    "draft7": jsonschema.Draft7Validator,
    "draft2019-09": jsonschema.Draft201909Validator,
    "draft2020-12": jsonschema.Draft202012Validator,
}


def schemas(folders):
    """Every schema once, in a fixed order, with its draft. Those that need other documents are left out."""
    seen = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.json")):
            if "optional" in path.parts or path.stem in ("refRemote", "vocabulary", "dynamicRef"):
                continue
            for group in json.loads(path.read_text(encoding="utf-8")):
                text = json.dumps(group["schema"])
                seen.setdefault(text, (folder.name, f"{path.stem}: {group['description']}"))
    return seen


def check(schema, draft, answers):
    validator = VALIDATORS[draft](schema)
    for answer in answers:
        try:
            value = json.loads(answer)
        except ValueError as error:
            return f"is not JSON ({error}): {answer!r}"
        if not validator.is_valid(value):
            return f"is not valid: {answer!r}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("tokenizer")
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    parser.add_argument("--answers", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    names = schemas(options.folders)
    done = subprocess.run(
        [options.program, options.tokenizer, "walk", str(options.answers), str(options.steps)],
        input="\n".join(names) + "\n", capture_output=True, text=True, check=True)
    counts = {"refused": 0, "valid": 0, "no answer in time": 0, "wrong": 0}
    answers = 0
    for (text, (draft, name)), line in zip(names.items(), done.stdout.rstrip("\n").split("\n"), strict=True):
        reply = json.loads(line) or {}
        found = reply.get("answers", [])
        answers += len(found)
        problem = check(json.loads(text), draft, found)
        if problem:
            counts["wrong"] += 1
            print(f"{draft} {name}\n  {text}\n  {problem}")
        elif "refused" in reply:
            counts["refused"] += 1
        else:
            counts["valid" if found else "no answer in time"] += 1
    print(f"{len(names)} schemas, {answers} answers: " + ", ".join(f"{n} {k}" for k, n in counts.items()))
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
