# SPDX-License-Identifier: Apache-2.0
"""The part of docs/user/performance.md that sets monocle beside other engines, and its plots, from peers-*.json."""
import json

from plots import bars, lines

FORMATS = {"bf16": 0, "int8": 1, "int4": 2}  # and the colour of each
WHAT = {"prefill": "prefill of {tokens:,.0f}", "decode": "decode behind {depth:,}", "encode": "picture, encode",
        "first_token": "picture, first token of the answer", "ready_warm": "server ready, files in the page cache",
        "ready_cold": "server ready, files on disk", "resident": "memory of the server after a picture"}


def load(folder):
    """Part name -> result, of one machine."""
    return {path.stem.removeprefix("peers-"): json.loads(path.read_text()) for path in sorted(folder.glob("peers-*.json"))}


def key(row):
    return row["what"], row["depth"], row["batch"], row.get("tokens", 0)


def value(row):
    """The figure as people read it: a rate where there is one."""
    if "bytes" in row:
        return f"{row['bytes']['median'] / 2**30:.2f} GiB"
    seconds = row["seconds"]
    if row["what"] in ("prefill", "decode"):
        return f"{row['tokens_per_second']:.1f} ({row['tokens'] / seconds['max']:.1f} to {row['tokens'] / seconds['min']:.1f})"
    return f"{seconds['median']:.2f} s ({seconds['min']:.2f} to {seconds['max']:.2f})"


def name(row):
    batch = f", {row['batch']} sequences together" if row["batch"] > 1 else ""
    return WHAT[row["what"]].format(**{"tokens": 0} | row) + batch


def ratio(ours, theirs):
    """How many times better than the peer ours is; above one is better in every row."""
    measure = "bytes" if "bytes" in ours else "seconds"
    return theirs[measure]["median"] / ours[measure]["median"]


def table(result):
    engines = list(dict.fromkeys(row["engine"] for row in result["rows"]))
    peers = [engine for engine in engines if engine != "monocle"]
    by = {(row["engine"], *key(row)): row for row in result["rows"]}
    label = {row["engine"]: f"{row['engine']} {row['format']}" for row in result["rows"]}
    head = ["", label["monocle"], "of the limit"]
    for peer in peers:
        head += [label[peer], "ratio"]
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in (row for row in result["rows"] if row["engine"] == "monocle"):
        cells = [name(row), value(row), f"{row['share_of_roof'] * 100:.0f} %" if "share_of_roof" in row else ""]
        for peer in peers:
            other = by.get((peer, *key(row)))
            cells += [value(other), f"**{ratio(row, other):.2f}**"] if other else ["", ""]
        out.append("| " + " | ".join(cells) + " |")
    return out


def part_section(result):
    lines_ = [f"### {result['part']}", "", "```", result["command"], "```", ""]
    roof = result["roof"]
    limits = (f" Limits in this run: memory {roof['memory_read_gb_s']:.1f} GB/s, bf16 {roof['bf16_gflop_s']:.0f} GFLOP/s, "
              f"int8 {roof['int8_gop_s']:.0f} GOP/s." if roof else "")
    versions = ", ".join(f"{engine} {version}" for engine, version in result["versions"].items()
                         if engine not in ("monocle", "python"))
    lines_ += [f"{result['about']} {result['threads']} threads, load average {result['load_average'][0]:.1f} before and "
               f"{result['load_average'][1]:.1f} after, commit {result['commit']}, {result['date']}.{limits} "
               f"{versions}; llama.cpp flags `{result['llama.cpp flags']}`.", ""]
    return lines_ + table(result) + [""]


def rate(results, part, engine, depth, batch):
    for row in results.get(part, {"rows": []})["rows"]:
        if (row["engine"], row["what"], row["depth"], row["batch"]) == (engine, "decode", depth, batch):
            return row["tokens_per_second"]
    return None


def curves(results, kind, points):
    """One line per format and engine over (depth, batch) points, taken from the part `kind` and, deeper, from `deep`."""
    series = []
    for form, colour in FORMATS.items():
        for engine in ("monocle", "llama.cpp"):
            values = [rate(results, f"{kind}-{form}", engine, *point) or rate(results, f"deep-{form}", engine, *point)
                      for point in points]
            if any(v is not None for v in values):
                label = next(row["format"] for row in results[f"{kind}-{form}"]["rows"] if row["engine"] == engine)
                series.append((f"{engine} {label}", colour, engine != "monocle", values))
    return series


def shares(results):
    rows = []
    for form, colour in FORMATS.items():
        for row in results.get(f"text-{form}", {"rows": []})["rows"]:
            if "share_of_roof" in row and row["engine"] in ("monocle", "llama.cpp") and row["depth"] in (0, 2048):
                rows.append((key(row), f"{row['engine']} {row['format'].split(',')[0]}, {name(row)}", colour, row))
    order = sorted(range(len(rows)), key=lambda i: (rows[i][0], rows[i][2]))
    return [(rows[i][1], rows[i][2], rows[i][3]["engine"] != "monocle", rows[i][3]["share_of_roof"]) for i in order]


def plots(machine, results):
    """File name -> SVG."""
    out = {}
    depths = [(d, 1) for d in (0, 512, 2048, 16384) if any(rate(results, f"{k}-{f}", "monocle", d, 1)
                                                         for k in ("text", "deep") for f in FORMATS)]
    batches = [(32, b) for b in (1, 2, 4, 8)]
    for suffix, title, x_title, points, labels, kind in (
            ("depth", "Decode, tokens per second, by depth", "tokens in the cache", depths, [f"{d:,}" for d, _ in depths], "text"),
            ("batch", "Decode, tokens per second of all sequences, by batch", "sequences together", batches,
             [str(b) for _, b in batches], "batch")):
        series = curves(results, kind, points)
        if series:
            out[f"performance-{machine}-{suffix}.svg"] = lines(title, x_title, labels, series)
    if shares(results):
        out[f"performance-{machine}-roof.svg"] = bars("Share of the machine's limit in the same run", shares(results))
    return out


def section(machine, results):
    """The page's text for one machine; above one, a ratio is in our favour."""
    text = [f"## Beside other engines: {machine}", "",
            "The same random checkpoint in every engine's format, the same prompt lengths, the same threads, one run, the engines",
            "first to last and then last to first. Rates are tokens per second. A ratio is ours to theirs, above 1 in our favour.",
            "What is compared and how to repeat it: [bench/peers](../../bench/peers/README.md).", ""]
    for file, alt in ((f"performance-{machine}-{s}.svg", a) for s, a in (
            ("depth", "Tokens per second by depth"), ("batch", "Tokens per second by batch"), ("roof", "Share of the limit"))):
        if file in plots(machine, results):
            text += [f"![{alt}](../images/{file})", ""]
    for kind in ("text", "decode", "deep", "batch", "picture", "start"):
        for form in FORMATS:
            if f"{kind}-{form}" in results:
                text += part_section(results[f"{kind}-{form}"])
    return "\n".join(text)
