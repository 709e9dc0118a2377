# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG text, without plotting libraries; colours follow the reader's light or dark preference."""
from html import escape

WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 190, 44, 44

STYLE = """<style>
svg { --paper: #ffffff; --ink: #1c2733; --soft: #5b6773; --line: #d9dee4; --c0: #1f5fbf; --c1: #b8480f; --c2: #1f7a4d; --c3: #7a3fb0; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #14191f; --ink: #e8edf2; --soft: #9fabb7; --line: #333d47; --c0: #7fb0ff; --c1: #ff9d66; --c2: #66d09a; --c3: #c79bf2; }
}
text { fill: var(--ink); font: 13px system-ui, sans-serif; } .soft { fill: var(--soft); } .title { font-weight: 600; font-size: 15px; }
.grid { stroke: var(--line); } .curve { fill: none; stroke-width: 2.5; } .peer { stroke-dasharray: 6 5; }
</style>"""


def frame(title, height=HEIGHT):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">', STYLE,
            f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>', f'<text class="title" x="12" y="24">{escape(title)}</text>']


def rounded_top(value):
    """The next 1, 2 or 5 times a power of ten, for an axis that starts at zero."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    return next(power * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * step >= value)


def spread_labels(wanted, gap=15):
    """Heights close to the wanted ones that do not overlap, in the order given."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    heights, last = list(wanted), float("-inf")
    for i in order:
        heights[i] = last = max(wanted[i], last + gap)
    return heights


def lines(title, x_title, x_labels, series):
    """`series`: (label, colour, is a peer, one value or None per x label). Ours are solid, peers dashed."""
    top = rounded_top(max(v for _, _, _, values in series for v in values if v is not None))
    x = lambda i: LEFT + (WIDTH - LEFT - RIGHT) * (i + 0.5) / len(x_labels)
    y = lambda v: HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * v / top
    parts = frame(title)
    for fifth in range(6):
        v = top * fifth / 5
        parts.append(f'<path class="grid" d="M{LEFT} {y(v):.1f}H{WIDTH - RIGHT}"/>'
                     f'<text class="soft" x="{LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>')
    parts += [f'<text class="soft" x="{x(i):.1f}" y="{HEIGHT - 24}" text-anchor="middle">{escape(str(label))}</text>'
              for i, label in enumerate(x_labels)]
    parts.append(f'<text class="soft" x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{escape(x_title)}</text>')
    ends = []
    for label, colour, peer, values in series:
        points = [(x(i), y(v)) for i, v in enumerate(values) if v is not None]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline class="curve{" peer" if peer else ""}" style="stroke:var(--c{colour})" points="{path}"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" style="fill:var(--c{colour})"/>' for px, py in points]
        ends.append((label, colour, points[-1][1]))
    for (label, colour, _), height in zip(ends, spread_labels([end for _, _, end in ends])):
        parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{height + 4:.1f}" style="fill:var(--c{colour})">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def bars(title, rows):
    """`rows`: (label, colour, is a peer, share between 0 and 1). Peers are paler."""
    height = TOP + 24 * len(rows) + 30
    left, full = 262, WIDTH - 262 - 64
    parts = frame(title, height)
    for tenth in range(0, 11, 2):
        at = left + full * tenth / 10
        parts.append(f'<path class="grid" d="M{at:.1f} {TOP - 4}V{height - 28}"/>'
                     f'<text class="soft" x="{at:.1f}" y="{height - 10}" text-anchor="middle">{tenth * 10} %</text>')
    for i, (label, colour, peer, share) in enumerate(rows):
        top = TOP + 24 * i
        parts.append(f'<text x="{left - 8}" y="{top + 15}" text-anchor="end">{escape(label)}</text>'
                     f'<rect x="{left}" y="{top + 3}" width="{full * min(share, 1):.1f}" height="17" rx="2" '
                     f'style="fill:var(--c{colour})" opacity="{0.45 if peer else 1}"/>'
                     f'<text x="{left + full * min(share, 1) + 6:.1f}" y="{top + 16}">{share * 100:.0f} %</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
