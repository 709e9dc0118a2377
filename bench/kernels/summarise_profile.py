# SPDX-License-Identifier: Apache-2.0
"""Sums the time of the kernels in a CSV of ncu by name, grid and order of phase (before and after the first sample)."""

import csv
import sys
from collections import OrderedDict


def short(name: str) -> str:
    """The kernel's name without namespaces and arguments."""
    return name.split("(")[0].replace("unnamed>::", "").replace("void ", "")[-60:]


def main() -> None:
    """Reads the file named on the command line and prints one line per kernel and grid."""
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = [line for line in file if line.startswith('"')]
    rows = list(csv.DictReader(lines))
    phase = 0
    seen = None
    totals: "OrderedDict[tuple, list]" = OrderedDict()
    for row in rows:
        name = row["Kernel Name"]
        if row["ID"] != seen and "embed" in name:
            phase += 1
        key = (phase, short(name), row["Grid Size"])
        entry = totals.setdefault(key, [0, 0.0, 0.0])
        value = float(row["Metric Value"].replace(",", ""))
        if row["Metric Name"].startswith("gpu__time"):
            entry[0] += 1
            entry[1] += value * {"ns": 1e-3, "us": 1.0, "ms": 1e3}.get(row["Metric Unit"], 1e-3)
        elif "dram__throughput" in row["Metric Name"]:
            entry[2] += value
        seen = row["ID"]
    for (step, name, grid), (count, microseconds, share) in totals.items():
        mean = microseconds / max(count, 1)
        print(f"step {step} {name:60s} {grid:22s} x{count:4d} {mean:9.2f} us {microseconds:10.1f} us dram {share / max(count, 1):5.1f} %")


if __name__ == "__main__":
    main()
