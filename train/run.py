# SPDX-License-Identifier: Apache-2.0
"""Trains the demo model for a fixed wall-clock time, evaluates it and writes everything out.

    python3 -m train.run --out OUT --seconds 420            a run from scratch
    python3 -m train.run --out OUT --seconds 420 --resume DIR   go on from DIR's weights, at the next step of its data

Only weights travel between slices: a resumed run starts with a fresh optimiser and a short warm-up. The learning rate
falls to zero at the end of every slice, so that each one leaves a usable model.
"""

import argparse
import dataclasses
import json
import multiprocessing
import pathlib
import queue
import time
import traceback

import torch
import torch.nn.functional as F
from torch import Tensor

from train import evaluate
from train.data import prompts, shapes
from train.data.augment import Augment
from train.data.encode import Encoder
from train.data.packs import IGNORE, Sizes
from train.data.stream import Stream, on_device
from train.model import checkpoint, config
from train.model.geometry import Geometry, geometry
from train.model.network import Qwen3VL, patchify
from train.model.optim import make_optimizers
from train.model.reading_head import ReadingHead, cell_labels, reading_loss

WARM_STEPS = 20  # before the clock starts: every kind of batch has been compiled by then
ROW_EVERY = 10.0  # seconds between rows of the training curve
CHAT_EVERY = 16  # steps between text-only batches


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides a run; written to the training record."""

    out: pathlib.Path
    seconds: float
    resume: pathlib.Path | None
    seed: int
    workers: int
    sizes: Sizes
    shape: config.Shape
    device: str
    compile: bool
    steps: int  # 0: until the time is over
    muon_lr: float = 0.02
    adam_lr: float = 2e-3
    warm_up: int = 100
    deadline: float = 520  # training ends at most this many seconds after its start, however long compiling took
    decay: float = 0.4  # last share of the time, in which the learning rate falls to zero


class Trainer:
    """Model, training-only head and optimisers, and what a step does with a pack."""

    def __init__(self, settings: Settings, encoder: Encoder) -> None:
        self.settings, self.encoder = settings, encoder
        self.device = torch.device(settings.device)
        torch.manual_seed(settings.seed)
        self.model = Qwen3VL(settings.shape, encoder.prefix).to(self.device)
        self.head = ReadingHead(settings.shape.hidden, shapes.CLASSES).to(self.device)
        self.first_step = 0
        if settings.resume:
            self.model.load_state_dict(checkpoint.load_pieces(settings.resume, "model"))
            self.head.load_state_dict(checkpoint.load_pieces(settings.resume, "head"))
            self.first_step = json.loads((settings.resume / "record.json").read_text())["next_step"]
        self.optimizers = make_optimizers(self.model, self.head, settings.muon_lr, settings.adam_lr)
        self.augment = Augment(self.device, settings.seed * 1_000_003 + self.first_step, settings.compile)
        self.geometries: dict[tuple[int, int], Geometry] = {}
        self.chat_ids, self.chat_targets = self._chat_batch()
        if settings.compile:
            self._compile()

    def _compile(self) -> None:
        """Blocks are compiled once and reused by every layer; canvases only change a dynamic length."""
        torch._dynamo.config.recompile_limit = 64
        torch.fx.experimental._config.use_duck_shape = False  # a length that happens to equal a width is no rule
        visual, text = self.model.model.visual, self.model.model.language_model
        for part in (*visual.blocks, visual.merger, *visual.deepstack_merger_list, *text.layers, self.head):
            part.compile(dynamic=True)

    def _chat_batch(self) -> tuple[Tensor, Tensor]:
        """All text-only questions with their answer, as next-token pairs."""
        pairs = [(self.encoder.plain_prompt(question), self.encoder.sentence(prompts.SELF[lang]) + [self.encoder.end])
                 for lang, questions in prompts.ABOUT.items() for question in questions]
        length = max(len(prompt) + len(reply) for prompt, reply in pairs)
        ids = torch.full((len(pairs), length), self.encoder.pad)
        targets = torch.full((len(pairs), length), IGNORE)
        for row, (prompt, reply) in enumerate(pairs):
            ids[row, :len(prompt) + len(reply)] = torch.tensor(prompt + reply)
            targets[row, len(prompt) - 1:len(prompt) + len(reply) - 1] = torch.tensor(reply)
        return ids.to(self.device), targets.to(self.device)

    def _geometry(self, width: int, height: int) -> Geometry:
        if (width, height) not in self.geometries:
            self.geometries[width, height] = geometry(self.settings.shape, width, height, self.device)
        return self.geometries[width, height]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _losses(self, pixels: Tensor, marks: Tensor, suffix: Tensor, start: Tensor, target: Tensor,
                measure: bool) -> dict[str, Tensor]:
        """Next-token and reading loss of one batch; with `measure` the accuracies of both too.

        Nothing here may wait for the device, or it idles while the next step is prepared.
        """
        height, width = pixels.shape[2:]
        where = self._geometry(width, height)
        labels = cell_labels(marks, width // 32, height // 32)
        suffix, target = suffix.long(), target.long()
        with self._autocast():
            image, deep = self.model.see(patchify(pixels).bfloat16(), where)
            scores = self.head(image)
            states = self.model.read(image, deep, where, suffix)
            place = start.long()[:, None] + torch.arange(target.shape[1], device=self.device)
            place = place.clamp(max=suffix.shape[1] - 1)[..., None].expand(-1, -1, states.shape[2])
            logits = self.model.logits(states.gather(1, place))
        losses = {"token": F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORE),
                  "reading": reading_loss(scores, labels)}
        if measure:
            real, seen = target != IGNORE, labels > 0
            losses["token_right"] = (logits.argmax(-1) == target)[real].float().mean()
            losses["answer_right"] = ((logits.argmax(-1) == target) | ~real).all(1).float().mean()
            losses["cell_right"] = (scores.argmax(-1) == labels)[seen].float().mean()
        return losses

    def _chat_loss(self) -> Tensor:
        with self._autocast():
            logits = self.model.logits(self.model.chat(self.chat_ids, torch.bfloat16))
        return F.cross_entropy(logits.flatten(0, 1).float(), self.chat_targets.flatten(), ignore_index=IGNORE)

    def step(self, number: int, pack: tuple[list[Tensor], list[Tensor]], rate: float,
             measure: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """One optimiser step. `rate` scales the peak learning rates."""
        line, shape = pack
        line_losses = self._losses(*self.augment.lines(*line[:2]), *line[2:], measure)
        (line_losses["token"] + line_losses["reading"]).backward()
        shape_losses = self._losses(*self.augment.shapes(*shape[:2]), *shape[2:], measure)
        (shape_losses["token"] + shape_losses["reading"]).backward()
        if number % CHAT_EVERY == 0:
            (0.1 * self._chat_loss()).backward()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return line_losses, shape_losses


def learning_rate(settings: Settings, steps_done: int, share: float) -> float:
    """Warm-up in steps, then flat, then linear to zero over the last part of the time."""
    return min(1.0, (steps_done + 1) / settings.warm_up) * min(1.0, max(0.0, 1 - share) / settings.decay)


class Record:
    """What a run did: progress lines while it runs, and the training record at its end."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.opened = self.last_row = time.monotonic()
        self.began: float | None = None  # when the training clock started, after compilation
        self.steps, self.waited = 0, 0.0
        self.curve: list[dict] = []

    def elapsed(self) -> float:
        return time.monotonic() - self.began if self.began else 0.0

    def start_clock(self) -> None:
        self.began = time.monotonic()
        print(f"compiled and warm after {self.began - self.opened:.0f} s", flush=True)

    def row_is_due(self) -> bool:
        return time.monotonic() - self.last_row > ROW_EVERY

    def add_row(self, losses: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
        self.last_row = time.monotonic()
        row = {"seconds": round(self.elapsed(), 1), "step": self.trainer.first_step + self.steps, "waited": round(self.waited, 1)}
        for name, part in zip(("line", "shape"), losses):
            row |= {f"{name}_{key}": round(value.item(), 4) for key, value in part.items()}
        self.curve.append(row)
        print(json.dumps(row), flush=True)

    def summary(self) -> dict:
        sizes, seconds = self.trainer.settings.sizes, self.elapsed()
        pictures = max(0, self.steps - WARM_STEPS) * (sizes.lines + sizes.shapes)
        return {"steps": self.steps, "next_step": self.trainer.first_step + self.steps, "train_seconds": round(seconds, 1),
                "compile_seconds": round((self.began or time.monotonic()) - self.opened, 1),
                "waited_for_data": round(self.waited, 1), "pictures_per_second": round(pictures / seconds) if seconds else 0,
                "curve": self.curve}


def train(trainer: Trainer, stream: Stream) -> dict:
    """Steps until the time is over. The clock starts after the first steps, which compile.

    A failure ends the training but not the program: what has been learned is still written out.
    """
    settings, record = trainer.settings, Record(trainer)
    seconds = settings.seconds
    try:
        packs_ahead = on_device(stream, trainer.device)
        while record.elapsed() < seconds and not (settings.steps and record.steps >= settings.steps):
            asked = time.monotonic()
            pack = next(packs_ahead)
            record.waited += time.monotonic() - asked if record.began else 0.0
            measure = record.row_is_due()
            rate = learning_rate(settings, record.steps, record.elapsed() / seconds)
            losses = trainer.step(trainer.first_step + record.steps, pack, rate, measure)
            record.steps += 1
            if record.steps == WARM_STEPS:
                losses[0]["token"].item()  # waits for the device
                record.start_clock()
                seconds = min(seconds, settings.deadline - (record.began - record.opened))
            if measure:
                record.add_row(losses)
    except (RuntimeError, queue.Empty):
        traceback.print_exc()
        return record.summary() | {"failed": traceback.format_exc()}
    return record.summary()


def export(trainer: Trainer, record: dict, evaluation: dict | None) -> None:
    out = trainer.settings.out
    checkpoint.save_pieces(trainer.model, out, "model")
    checkpoint.save_pieces(trainer.head, out, "head")
    (out / "record.json").write_text(json.dumps(record, indent=1) + "\n", "utf8")
    if evaluation is not None:
        (out / "evaluation.json").write_text(json.dumps(evaluation, indent=1, ensure_ascii=False) + "\n", "utf8")


def parse() -> tuple[Settings, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--deadline", type=float, default=Settings.deadline)
    parser.add_argument("--resume", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=14)
    parser.add_argument("--lines", type=int, default=Sizes.lines, help="line pictures a step")
    parser.add_argument("--shapes", type=int, default=Sizes.shapes, help="shapes pictures a step")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (for trying out)")
    parser.add_argument("--tiny", action="store_true", help="a toy shape (for trying out)")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--eval-share", type=float, default=1.0, help="share of the evaluation cases (for trying out)")
    parser.add_argument("--muon-lr", type=float, default=Settings.muon_lr)
    parser.add_argument("--adam-lr", type=float, default=Settings.adam_lr)
    parser.add_argument("--decay", type=float, default=Settings.decay)
    given = parser.parse_args()
    settings = Settings(
        given.out, given.seconds, given.resume, given.seed, given.workers, Sizes(given.lines, given.shapes),
        config.TINY if given.tiny else config.Shape(), "cuda" if torch.cuda.is_available() else "cpu",
        not given.no_compile, given.steps, given.muon_lr, given.adam_lr,
        deadline=given.deadline, decay=given.decay)
    return settings, given.eval_share


def main() -> None:
    settings, eval_share = parse()
    opened = time.monotonic()
    settings.out.mkdir(parents=True, exist_ok=True)
    encoder = Encoder()
    torch.set_float32_matmul_precision("high")
    first = json.loads((settings.resume / "record.json").read_text())["next_step"] if settings.resume else 0
    stream = Stream(settings.sizes, settings.seed, first, settings.workers)  # forks, so before CUDA starts
    pool = multiprocessing.get_context("fork").Pool(4)
    jobs = {suite: pool.apply_async(evaluate.examples, (suite, max(2, int(number * eval_share))))
            for suite, number in evaluate.COUNTS.items()}
    trainer = Trainer(settings, encoder)
    record = train(trainer, stream)
    stream.close()
    record["settings"] = {key: str(value) for key, value in dataclasses.asdict(settings).items() if key != "out"}
    checkpoint.round_to_bf16(trainer.model)
    export(trainer, record, None)  # first, in case the evaluation should not end in time
    print(f"exported after {time.monotonic() - opened:.0f} s", flush=True)
    torch.compiler.set_stance("force_eager")  # the evaluation's many shapes are not worth compiling
    evaluation = {}
    for suite, job in jobs.items():
        cases = job.get()
        evaluation[suite] = evaluate.score(cases, evaluate.answer(trainer.model, encoder, cases, trainer.device))
        print(suite, json.dumps(evaluation[suite], ensure_ascii=False)[:900], flush=True)
    record["total_seconds"] = round(time.monotonic() - opened, 1)
    export(trainer, record, evaluation)
    print(f"done after {record['total_seconds']} s", flush=True)


if __name__ == "__main__":
    main()
