#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One result file from the summaries of several runs of one configuration, each over some splits and tasks.

    python3 tools/quality/merge.py bench/results/quality/t1-bf16.json build/quality/*/summary.json
"""

import json
import pathlib
import sys

ORDER = ("gui", "contract", "vqa", "html", "drawio", "reading", "video")
SAME = ("version", "commit", "server", "weights", "compute", "kv", "model", "control")


def main() -> None:
    out, *paths = map(pathlib.Path, sys.argv[1:])
    results = [json.loads(path.read_text("utf8")) for path in paths]
    for name in SAME:
        if len({str(result.get(name)) for result in results}) > 1:
            sys.exit(f"{name} differs between the runs: {sorted({str(result.get(name)) for result in results})}")
    merged = {name: value for name, value in results[0].items() if name in SAME}
    merged |= {"commands": [result["command"] for result in results], "seconds": sum(result["seconds"] for result in results)}
    merged["sets"] = sorted({result["set"]["note"] for result in results})
    groups = [group for result in results for group in result["groups"]]
    merged["groups"] = sorted(groups, key=lambda group: (group["split"], ORDER.index(group["task"]), group["mode"]))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(merged, ensure_ascii=False, indent=1) + "\n", "utf8")


if __name__ == "__main__":
    main()
