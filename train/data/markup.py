# SPDX-License-Identifier: Apache-2.0
"""Web pages with their HTML, and flow charts with their Draw.io XML.

The HTML is a small subset whose text alone is written out; the XML is an mxGraphModel that Draw.io opens.
"""

import random

from train.data import prompts, vocab
from train.data.canvas import Canvas, text_width
from train.data.case import Ask, Case, copied
from train.data.gui import grid
from train.data.values import Values

INK, SOFT, RULE = (34, 34, 34), (150, 150, 150), (160, 160, 165)
LINKS = ((17, 119, 255), (0, 150, 95), (230, 90, 0), (190, 20, 50))
MOST_CHARACTERS = 90  # of visible text in a page, so that answers stay short


class WebPage:
    def __init__(self, rng: random.Random, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.canvas = Canvas(width, height, rng.choice(((255, 255, 255), (244, 246, 250), (252, 250, 244))))
        self.lang = "zh" if rng.random() < 0.6 else "en"
        self.font = rng.choice(("sans", "zenhei") if self.lang == "zh" else ("dejavu-sans", "sans"))
        self.colour = rng.choice(LINKS)
        self.y, self.pieces, self.characters = 14.0, [], 0

    def words(self, number: int) -> list[str]:
        pairs = self.rng.sample(vocab.WEB, number)
        found = [pair[0] if self.lang == "zh" else pair[1] for pair in pairs]
        self.characters += sum(map(len, found))
        return found

    def sentence(self, low: int, high: int) -> str:
        return ("" if self.lang == "zh" else " ").join(self.words(self.rng.randint(low, high)))

    def tag(self, name: str, text: str) -> None:
        self.pieces += [f"<{name}>", copied(text), f"</{name}>"]

    def heading(self) -> None:
        text = self.sentence(1, 2)
        self.canvas.text((16, self.y + 18), text, self.font, 26, self.rng.choice((INK, self.colour)))
        self.tag("h1", text)
        self.y += 46

    def paragraph(self) -> None:
        text = self.sentence(2, 4)
        self.canvas.text((16, self.y + 12), text, self.font, 16, INK)
        self.tag("p", text)
        self.y += 34

    def button(self) -> None:
        text, = self.words(1)
        wide = text_width(text, self.font, 16) + 40
        self.canvas.rounded((16, self.y, 16 + wide, self.y + 38), 6, self.colour)
        self.canvas.text((16 + wide / 2, self.y + 19), text, self.font, 16, (255, 255, 255), "m")
        self.canvas.mark("button", 16 + wide / 2, self.y + 19)
        self.tag("button", text)
        self.y += 50

    def items(self) -> None:
        self.pieces.append("<ul>")
        for text in self.words(self.rng.randint(2, 4)):
            self.canvas.disc(24, self.y + 12, 3, INK)
            self.canvas.mark("bullet", 24, self.y + 12)
            self.canvas.text((38, self.y + 12), text, self.font, 16, INK)
            self.tag("li", text)
            self.y += 26
        self.pieces.append("</ul>")
        self.y += 8

    def field(self) -> None:
        text, = self.words(1)
        self.canvas.box((16, self.y, 300, self.y + 34), (255, 255, 255), RULE)
        self.canvas.text((26, self.y + 17), text, self.font, 16, SOFT)
        self.canvas.mark("field", 158, self.y + 17)
        self.pieces += ['<input placeholder="', copied(text), '">']
        self.y += 46

    def navigation(self) -> None:
        self.canvas.box((0, self.y, self.width, self.y + 36), (34, 36, 42))
        self.pieces.append("<nav>")
        x = 16.0
        for text in self.words(self.rng.randint(2, 4)):
            x = self.canvas.text((x, self.y + 18), text, self.font, 16, (255, 255, 255)) + 22
            self.tag("a", text)
        self.pieces.append("</nav>")
        self.y += 48

    def table(self) -> None:
        rows, columns = self.rng.randint(2, 3), self.rng.randint(2, 3)
        heads = self.words(columns)
        self.pieces.append("<table>")
        for row in range(rows):
            self.pieces.append("<tr>")
            for column in range(columns):
                text = heads[column] if row == 0 else str(self.rng.randint(1, 999))
                x = 16 + column * 112
                self.canvas.box((x, self.y, x + 113, self.y + 31), (255, 255, 255), RULE)
                self.canvas.text((x + 8, self.y + 15), text, self.font, 16, INK)
                self.canvas.mark("cell", x + 56, self.y + 15)
                self.tag("td", text)
            self.pieces.append("</tr>")
            self.y += 30
        self.pieces.append("</table>")
        self.characters += 3 * rows * columns
        self.y += 12


def html(rng: random.Random, shape: tuple[int, int], held_out: bool, number: int) -> Case:
    while True:
        page = WebPage(rng, *shape)
        if rng.random() < 0.4:
            page.navigation()
        for _ in range(rng.randint(2, 6)):
            rng.choice((page.heading, page.paragraph, page.paragraph, page.button, page.items, page.field, page.table))()
            if page.y > shape[1] - 130 or page.characters > MOST_CHARACTERS - 30:
                break
        if Values(rng, held_out).allows("".join(page.pieces)):
            asks = [Ask(prompts.pick(rng, prompts.HTML[page.lang]), page.pieces, "html") for _ in range(number)]
            return Case(page.canvas.rgb, page.canvas.marks(), asks)


FILLS = ((218, 232, 252), (213, 232, 212), (255, 242, 204), (248, 206, 204))
HALF_WIDE, HALF_HIGH = 76, 23


def _node(canvas: Canvas, kind: str, x: float, y: float, fill: tuple[int, int, int]) -> None:
    box = (x - HALF_WIDE, y - HALF_HIGH, x + HALF_WIDE, y + HALF_HIGH)
    line = (70, 70, 75)
    if kind == "rhombus":
        corners = [(x, y - 34), (x + 96, y), (x, y + 34), (x - 96, y)]
        canvas.polygon(corners, fill)
        canvas.polyline([*corners, corners[0]], line)
    elif kind == "rounded":
        canvas.rounded(box, 22, fill, line)
    else:
        canvas.box(box, fill, line)
    canvas.mark("choice" if kind == "rhombus" else "node", x, y)


def flow(rng: random.Random, shape: tuple[int, int], held_out: bool, number: int) -> Case:
    """A chain of two to four nodes, some of them decisions, with arrows from each to the next."""
    width, height = shape
    values = Values(rng, held_out)
    lang = "zh" if rng.random() < 0.6 else "en"
    say = (lambda pair: pair[0]) if lang == "zh" else (lambda pair: pair[1])
    canvas = Canvas(width, height, (255, 255, 255))
    font, nodes = rng.choice(("sans", "zenhei") if lang == "zh" else ("dejavu-sans", "sans")), rng.randint(2, 4)
    joint = "" if lang == "zh" else " "
    pitch = height / nodes
    pieces, places = ["<mxGraphModel><root><mxCell id=\"0\"/><mxCell id=\"1\" parent=\"0\"/>"], []
    for i in range(nodes):
        kind = rng.choice(("", "", "rhombus")) if 0 < i < nodes - 1 else rng.choice(("rounded", ""))
        ends = i in (0, nodes - 1) and rng.random() < 0.3
        text = say(vocab.FLOW_ENDS[i > 0]) if ends else values.draw(
            lambda: say(rng.choice(vocab.FLOW_VERBS)) + joint + say(rng.choice(vocab.FLOW_NOUNS)), lambda text: text + str(i))
        x, y = width / 2 + rng.choice((-80, 0, 0, 80)), pitch * (i + 0.5)
        if places:
            (a, b), (c, d) = places[-1], (x, y - (34 if kind == "rhombus" else HALF_HIGH))
            canvas.polyline([(a, b), (c, d)], (70, 70, 75))
            canvas.polygon([(c - 5, d - 9), (c + 5, d - 9), (c, d)], (70, 70, 75))
        _node(canvas, kind, x, y, rng.choice(FILLS))
        canvas.text((x, y), text, font, 16, (20, 20, 24), "m")
        places.append((x, y + (34 if kind == "rhombus" else HALF_HIGH)))
        style = {"rhombus": ' style="rhombus"', "rounded": ' style="rounded=1"'}.get(kind, "")
        pieces += [f'<mxCell id="{i + 2}" value="', copied(text), f'"{style} vertex="1" parent="1"><mxGeometry x="',
                   copied(str(grid(x, width))), '" y="', copied(str(grid(y, height))), '" width="150" height="46" as="geometry"/></mxCell>']
    pieces += [f'<mxCell edge="1" source="{i + 2}" target="{i + 3}" parent="1"/>' for i in range(nodes - 1)]
    asks = [Ask(prompts.pick(rng, prompts.FLOW[lang]), [*pieces, "</root></mxGraphModel>"], "flow") for _ in range(number)]
    return Case(canvas.rgb, canvas.marks(), asks)

