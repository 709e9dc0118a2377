#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openapi_cases.py PROGRAM [--cases N] [--only ROUTE] [--build DIR]: schemathesis against /openapi.json of the server with the demo
model: N bodies a route, good and bad. No undeclared status, no 500, replies as described. Run on demand: it installs schemathesis
once into DIR (this alone needs the network). Exits with 1 when something does not hold."""

import argparse
import pathlib
import subprocess
import sys
import venv

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "api"))
import serving  # noqa: E402

WANTED = "schemathesis==4.32.5"
# What a described body may still be refused for (a token id, a prompt that is too long, a picture that is none) no schema says,
# and fields that are not known are ignored on purpose: so good bodies may be refused and bad ones accepted, by name.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,unsupported_method,allow_header_conformance")


def install(folder):
    stamp = folder / "installed"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != WANTED:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/pip", "--disable-pip-version-check", "install", "--quiet", WANTED], check=True)
        stamp.write_text(WANTED, encoding="utf-8")
    return folder / "bin/schemathesis"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--only", default="", help="a route, such as /v1/chat/completions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/openapi_cases"))
    options = parser.parse_args()
    schemathesis = install(options.build.resolve())
    # Answers are cut short: what is tested is the frame around them.
    with serving.server(options.program, "--max-model-len", "256") as url:
        run = [schemathesis, "run", url + "/openapi.json", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
               "--max-examples", str(options.cases), "--seed", str(options.seed), "--no-shrink", "--continue-on-failure",
               "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "60"]
        run += ["--include-path", options.only] if options.only else []
        return subprocess.run(run, cwd=options.build.resolve()).returncode


if __name__ == "__main__":
    sys.exit(main())
