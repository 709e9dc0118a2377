# SPDX-License-Identifier: Apache-2.0
"""Numbers of what the reading head names (model/reading_head.py): 0 is nothing, then characters, shapes, widgets.

READABLE and the shapes come first, what is added later after them, so that an older head can be grown.
"""

from train.corpus.charset import READABLE, TASK_HANZI, TASK_SYMBOLS
from train.data.prompts import COLOURS, KINDS

WIDGETS = ("button", "input", "row", "switch-on", "switch-off", "tab", "link", "app", "back", "search", "more", "add", "close",
           "menu", "check-on", "check-off", "item", "cell", "bar", "slice", "point", "stamp", "node", "choice", "bullet", "field",
           "amount", "party-a", "party-b", "signed")
SHAPE_BASE = 1 + len(READABLE)
_LATER = SHAPE_BASE + len(COLOURS) * len(KINDS)
GLYPH_CLASS = {char: 1 + i for i, char in enumerate(READABLE)} | {char: _LATER + i for i, char in enumerate(TASK_SYMBOLS + TASK_HANZI)}
_WIDGET_BASE = _LATER + len(TASK_SYMBOLS + TASK_HANZI)
WIDGET_CLASS = {name: _WIDGET_BASE + i for i, name in enumerate(WIDGETS)}
CLASSES = _WIDGET_BASE + len(WIDGETS)


def shape_class(colour: str, kind: str) -> int:
    return SHAPE_BASE + tuple(COLOURS).index(colour) * len(KINDS) + tuple(KINDS).index(kind)
