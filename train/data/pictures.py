# SPDX-License-Identifier: Apache-2.0
"""Finished RGB pictures with question and answer, for evaluation and for the shipped samples.

Drawn like the training data but degraded on the CPU and through a real JPEG codec, so that the evaluation does not
share the training's augmentation code. All seeds lie at or above packs.EVAL_SEED, which training never reaches.
"""

import dataclasses
import random
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from train.corpus.charset import ALL_HANZI, HANZI
from train.data import fonts, lines, packs, prompts, shapes, tasks
from train.data.case import Ask, Case
from train.data.encode import Form

EVAL_CANVASES = ((512, 64), (384, 96), (256, 128), (512, 128), (640, 64))


@dataclasses.dataclass
class Example:
    """One evaluation case. `rgb` is uint8 [H, W, 3], or [N, H, W, 3] for pages or a clip's frames; `ask` is there if the task scores
    more than the text."""

    rgb: np.ndarray
    question: str
    answer: str
    ask: Ask | None = None
    form: Form = Form()


def generators(seed: int) -> tuple[random.Random, np.random.Generator]:
    if seed < packs.EVAL_SEED:
        raise ValueError("evaluation seeds must not be training seeds")
    return random.Random(seed), np.random.default_rng(seed)


def _ask(rng: random.Random, forms: dict[str, list[str]]) -> tuple[str, str]:
    lang = prompts.language(rng)
    return lang, prompts.pick(rng, forms[lang])


def _colours(rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
    light = rng.uniform(0.75, 1.0)
    dark = max(0.0, light - rng.uniform(0.42, 1.0))
    paper = np.clip([light + rng.uniform(-0.06, 0.06) for _ in range(3)], 0, 1)
    tint = 0.2 if rng.random() < 0.4 else 0.0
    ink = np.clip([dark + rng.uniform(-tint, tint) for _ in range(3)], 0, 1)
    return (ink, paper) if rng.random() < 0.2 else (paper, ink)


def _turn(rng: random.Random, ink: np.ndarray) -> np.ndarray:
    height, width = ink.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-1.0, 1.0), rng.uniform(0.94, 1.0))
    return cv2.warpAffine(ink, matrix, (width, height), flags=cv2.INTER_LINEAR)


def degrade(rng: random.Random, noise: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Blur, noise and a JPEG round trip, each for half of the pictures."""
    if rng.random() < 0.5:
        rgb = cv2.GaussianBlur(rgb, (3, 3), rng.uniform(0.2, 0.8))
    if rng.random() < 0.5:
        spread = rng.uniform(1, 9)
        rgb = np.clip(rgb + noise.standard_normal(rgb.shape) * spread, 0, 255).round().astype(np.uint8)
    if rng.random() < 0.5:
        quality = rng.randint(45, 95)
        _, coded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        rgb = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(rgb)


def coloured(rng: random.Random, ink: np.ndarray) -> np.ndarray:
    paper, colour = _colours(rng)
    share = ink[..., None] / 255
    return np.round((paper + (colour - paper) * share) * 255).astype(np.uint8)


def line_example(seed: int, chinese: Sequence[str] = fonts.CHINESE,
                 latin: Sequence[str] = fonts.CHINESE + fonts.LATIN_ONLY, hanzi: str = HANZI) -> Example:
    rng, noise = generators(seed)
    line = lines.draw_line(rng, *rng.choice(EVAL_CANVASES), chinese, latin, hanzi)
    ink = _turn(rng, line.ink) if rng.random() < 0.5 else line.ink
    _, question = _ask(rng, prompts.READ)
    return Example(degrade(rng, noise, coloured(rng, ink)), question, line.text)


def every_hanzi_example(seed: int) -> Example:
    return line_example(seed, hanzi=ALL_HANZI)


def unseen_font_example(seed: int, font: str) -> Example:
    return line_example(seed, (font,), (font,))


def shapes_example(seed: int) -> Example:
    rng, noise = generators(seed)
    picture = shapes.draw_shapes(rng, 256, 256)
    lang, form = _ask(rng, prompts.COUNT)
    question = form.format(thing=prompts.thing(lang, picture.colour, picture.kind))
    return Example(degrade(rng, noise, picture.rgb), question, str(picture.count))


def blank_example(seed: int) -> Example:
    """A picture without text: paper, perhaps rules, noise. The answer must say that there is none."""
    rng, noise = generators(seed)
    ink = lines.draw_blank(rng, *rng.choice(EVAL_CANVASES))
    lang, question = _ask(rng, prompts.READ)
    return Example(degrade(rng, noise, coloured(rng, ink)), question, prompts.NO_TEXT[lang])


def _scanned(rng: random.Random, rgb: np.ndarray, degrees: float, skew: float = 0.0) -> np.ndarray:
    """Turned and unevenly lit, as a page under a camera; `skew` moves the corners by up to so much of the sides, for perspective."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-degrees, degrees), rng.uniform(0.95, 1.0))
    if skew:
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        moved = corners + np.array([(rng.uniform(-skew, skew) * width, rng.uniform(-skew, skew) * height) for _ in corners], np.float32)
        matrix = cv2.getPerspectiveTransform(corners, moved) @ np.vstack([matrix, (0, 0, 1)])
        rgb = cv2.warpPerspective(rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    else:
        rgb = cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    loss, turn = rng.uniform(0, 0.25), rng.uniform(0, 6.28)
    light = 1 - loss * (0.5 + np.cos(turn) * np.linspace(-0.5, 0.5, width) + np.sin(turn) * np.linspace(-0.5, 0.5, height)[:, None])
    return np.clip(rgb * light[..., None], 0, 255).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class Variant:
    """What makes a suite differ from training's pictures."""

    kinds: tuple[str, ...] = ()  # the only questions that are asked
    blank: bool = False  # the picture is taken away, as a control
    other: bool = False  # the question is asked about another case's picture, as a control
    turn: float = 0.0  # degrees beyond those of training
    hard: bool = False  # a bad scan: perspective, blur, noise and strong JPEG, every time
    canvases: tuple[tuple[int, int], ...] = ()  # sizes that training never used
    font: str = ""  # the only font
    draw: Callable[..., Case] | None = None  # a layout that training never used


def bad_scan(rng: random.Random, noise: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """What quality's level 3 asks for: turned up to 9 degrees, in perspective, blurred, noisy, JPEG from quality 25 on."""
    rgb = _scanned(rng, rgb, 9.0, 0.02)
    rgb = cv2.GaussianBlur(rgb, (3, 3), rng.uniform(0.3, 0.9))
    rgb = np.clip(rgb + noise.standard_normal(rgb.shape) * rng.uniform(3, 10), 0, 255).round().astype(np.uint8)
    _, coded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, rng.randint(25, 60)])
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])


def _spoiled(rng: random.Random, noise: np.random.Generator, rgb: np.ndarray, task: tasks.Task, variant: Variant) -> np.ndarray:
    """One picture as a camera, a scanner or a codec would leave it."""
    if variant.hard:
        return bad_scan(rng, noise, rgb)
    if task.turn and rng.random() < (1.0 if variant.turn else 0.5):
        rgb = _scanned(rng, rgb, max(task.turn, variant.turn))
    return degrade(rng, noise, rgb) if task.turn or rng.random() < 0.3 else rgb


def _film(rng: random.Random, frames: np.ndarray) -> np.ndarray:
    """Half of the clips go through a codec, all frames at one quality."""
    if rng.random() < 0.5:
        return frames
    quality = [cv2.IMWRITE_JPEG_QUALITY, rng.randint(45, 90)]
    return np.stack([cv2.imdecode(cv2.imencode(".jpg", frame[..., ::-1], quality)[1], cv2.IMREAD_COLOR)[..., ::-1] for frame in frames])


def task_example(seed: int, name: str, variant: Variant = Variant()) -> Example:
    """A case with reserved values."""
    rng, noise = generators(seed)
    task, kinds = tasks.TASKS[name], variant.kinds
    draw = variant.draw or task.draw
    with fonts.instead(variant.font):
        while True:
            canvas = rng.choice(variant.canvases) if variant.canvases else packs.canvas_of(rng, task.canvases)
            case = draw(rng, canvas, True, 2 if kinds else 1)
            asks = [ask for ask in case.asks if not kinds or ask.kind in kinds]
            if asks:
                break
        rgb = draw(rng, canvas, True, 1).rgb if variant.other else case.rgb
    if case.form.fps:
        rgb = _film(rng, rgb)
    elif rgb.ndim == 4:
        rgb = np.stack([_spoiled(rng, noise, page, task, variant) for page in rgb])
    else:
        rgb = _spoiled(rng, noise, rgb, task, variant)
    if variant.blank:
        rgb = np.full_like(rgb, 250)
    return Example(rgb, asks[0].question, asks[0].answer, asks[0], case.form)
