# SPDX-License-Identifier: Apache-2.0
"""The part of docs/user/performance.md that sets `monocle serve` beside llama-server, from serving-demo.json."""


def section(machine, result):
    """Ours beside the best of the peer's configurations at each level of load."""
    peers = [name for name in result["medians"] if name != "monocle"]
    rounds = result["rounds"]
    lines = [f"## A server under load: {machine}", "",
             "The demo model, the same weights in both servers, one server at a time, closed-loop clients with prompts of "
             f"{result['words']} words and answers of {result['tokens']} tokens; medians of {rounds} rounds in both orders. Tokens per second "
             "of all clients, and the 95th percentile of the time to the first token.", "",
             "```", "bench/serving/run.py --monocle build/release/apps/monocle --llama-server PATH --gguf PATH --out FILE", "```", "",
             f"{result['threads']} threads, load average {result['load_average'][0]:.1f}, commit {result['versions']['commit']}, "
             f"llama-server {result['versions'].get('llama-server', 'not run')}.", ""]
    head = ["clients", "monocle", *(f"`{peer}`" for peer in peers), "rate, ours to their best", "first token, ours to their best"]
    lines += ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for level, best in result["ours_over_best_of_theirs"].items():
        cells = [f"{at[level]['rate']:,.0f} tok/s, {at[level]['ttft_p95']:,.0f} ms"
                 for at in (result["medians"][name] for name in ("monocle", *peers))]
        lines.append(f"| {level} | " + " | ".join(cells) + f" | **{best['rate']:.2f}** | **{best['ttft_p95']:.2f}** |")
    return "\n".join([*lines, ""])
