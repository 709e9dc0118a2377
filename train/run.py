# SPDX-License-Identifier: Apache-2.0
"""Trains the demo model for a fixed wall-clock time, evaluates it and writes everything out.

    python3 -m train.run --out OUT --seconds 420                 a run from scratch
    python3 -m train.run --out OUT --seconds 420 --init DIR      start from DIR's weights (--init-head: and from a run's heads)
    python3 -m train.run --out OUT --state FILE                  keep all that is needed to go on exactly
    python3 -m train.run --out OUT --state FILE --resume FILE    go on: the same steps as a run that was never interrupted

The learning rate falls to zero at the end of the time, so that every run leaves a usable model.
"""

import argparse
import dataclasses
import json
import lzma
import multiprocessing
import pathlib
import time
import traceback

import torch

from train import evaluate
from train.data.encode import Encoder
from train.data.packs import Batch, Sizes
from train.data.stream import Stream, on_device
from train.model import checkpoint, config
from train.trainer import Batches, Losses, Settings, Trainer, held_out_batches

WARM_STEPS = 8  # before the clock starts: the blocks have been compiled by then
ROW_EVERY = 10.0  # seconds between rows of the training curve
CHECK_EVERY = 90.0  # seconds between checks on held-out values, after which the weights are written out


def learning_rate(settings: Settings, steps_done: int, share: float) -> float:
    """Warm-up in steps, then flat, then linear to zero over the last part of the time."""
    return min(1.0, (steps_done + 1) / settings.warm_up) * min(1.0, max(0.0, 1 - share) / settings.decay)


class Record:
    """What a run did: progress lines while it runs, and the training record at its end."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.opened = self.last_row = self.last_check = time.monotonic()
        self.began: float | None = None  # when the training clock started, after compilation
        self.steps, self.waited, self.pictures = 0, 0.0, 0
        self.curve: list[dict] = []
        self.checks: list[dict] = []

    def elapsed(self) -> float:
        return (time.monotonic() - self.began if self.began else 0.0) + self.trainer.spent

    def next_step(self) -> int:
        return self.trainer.first_step + self.steps

    def start_clock(self) -> None:
        self.began = time.monotonic()
        self.pictures = 0
        print(f"compiled and warm after {self.began - self.opened:.0f} s", flush=True)

    def row_is_due(self) -> bool:
        return time.monotonic() - self.last_row > ROW_EVERY

    def add_row(self, losses: Losses) -> None:
        self.last_row = time.monotonic()
        row = {"seconds": round(self.elapsed(), 1), "step": self.next_step(), "waited": round(self.waited, 1)}
        for kind, part in losses.items():
            row |= {f"{kind}_{key}": round(value.item(), 4) for key, value in part.items()}
        self.curve.append(row)
        print(json.dumps(row), flush=True)

    def check(self, held_out: Batches) -> None:
        """Called now and then, and at the end of training."""
        self.last_check = time.monotonic()
        self.checks.append({"seconds": round(self.elapsed(), 1), "step": self.next_step()} | self.trainer.check(held_out))
        print("held out", json.dumps(self.checks[-1]), flush=True)

    def summary(self) -> dict:
        seconds = self.elapsed()
        return {"steps": self.steps, "next_step": self.next_step(), "train_seconds": round(seconds, 1),
                "compile_seconds": round((self.began or time.monotonic()) - self.opened, 1), "waited_for_data": round(self.waited, 1),
                "pictures": self.pictures, "pictures_per_second": round(self.pictures / max(1.0, seconds)), "curve": self.curve,
                "held_out": self.checks}


def train(trainer: Trainer, stream: Stream, held_out: Batches) -> dict:
    """Steps until the time is over. The clock starts after the first steps, which compile.

    A failure ends the training but not the program: what has been learned is still written out.
    """
    settings, record = trainer.settings, Record(trainer)
    seconds = settings.seconds
    try:
        packs_ahead = on_device(stream, trainer.device)
        while record.elapsed() < seconds and not (settings.steps and record.next_step() >= settings.steps):
            if settings.stop_after and record.steps >= settings.stop_after:
                break
            asked = time.monotonic()
            pack = next(packs_ahead)
            record.waited += time.monotonic() - asked if record.began else 0.0
            measure = record.row_is_due()
            share = record.next_step() / settings.steps if settings.steps else record.elapsed() / seconds
            losses = trainer.step(record.next_step(), pack, learning_rate(settings, record.next_step(), share), measure)
            record.steps += 1
            record.pictures += sum(len(batch[0]) // (2 if form.fps else 1) for _, form, batch in pack)
            if record.steps == WARM_STEPS:
                if trainer.device.type == "cuda":
                    torch.cuda.synchronize()
                record.start_clock()
                seconds = min(seconds, settings.deadline - (record.began - record.opened))
            if measure:
                record.add_row(losses)
            if time.monotonic() - record.last_check > CHECK_EVERY:
                record.check(held_out)
                export(trainer, record.summary(), None)  # all that is left of a run which is killed
                if settings.state:
                    trainer.save_state(settings.state, record.next_step(), record.elapsed())
        record.check(held_out)
        if settings.state:
            trainer.save_state(settings.state, record.next_step(), record.elapsed())
    except Exception:  # whatever it is: a lent machine's minutes are not to be lost with it
        traceback.print_exc()
        return record.summary() | {"failed": traceback.format_exc()}
    return record.summary()


def export(trainer: Trainer, record: dict, evaluation: dict | None) -> None:
    out = trainer.settings.out
    if evaluation is None:
        checkpoint.save_pieces(trainer.model, out, "model")
        checkpoint.save_pieces(trainer.head, out, "head")
        checkpoint.save_pieces(trainer.place_head, out, "place-head")
        checkpoint.save_pieces(trainer.turn_head, out, "turn-head")
    else:
        (out / "evaluation.json").write_text(json.dumps(evaluation, indent=1, ensure_ascii=False) + "\n", "utf8")
    (out / "record.json").write_text(json.dumps(record, indent=1) + "\n", "utf8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--deadline", type=float, default=Settings.deadline)
    parser.add_argument("--init", type=pathlib.Path)
    parser.add_argument("--init-head", type=pathlib.Path)
    parser.add_argument("--state", type=pathlib.Path)
    parser.add_argument("--resume", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=14)
    parser.add_argument("--lines", type=int, default=Sizes.lines, help="line pictures a step")
    parser.add_argument("--shapes", type=int, default=Sizes.shapes, help="shapes pictures a step that has some")
    parser.add_argument("--share", type=float, default=1.0, help="scales the tasks' batches (for trying out)")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (for trying out)")
    parser.add_argument("--stop-after", type=int, default=0, help="end this sitting after so many steps")
    parser.add_argument("--tiny", action="store_true", help="a toy shape (for trying out)")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--eval-share", type=float, default=1.0, help="share of the evaluation cases, 0 for none (for trying out)")
    parser.add_argument("--eval-until", type=float, default=540, help="begin no suite later than this many seconds after the start")
    parser.add_argument("--eval-suites", nargs="*", choices=list(evaluate.SUITES), default=list(evaluate.SUITES))
    parser.add_argument("--compiled", type=pathlib.Path, help="what bench_step kept of the compiler's work, compressed by xz")
    parser.add_argument("--muon-lr", type=float, default=Settings.muon_lr)
    parser.add_argument("--adam-lr", type=float, default=Settings.adam_lr)
    parser.add_argument("--decay", type=float, default=Settings.decay)
    return parser.parse_args()


def settings_of(given: argparse.Namespace) -> Settings:
    return Settings(
        given.out, given.seconds, given.init, given.init_head, given.resume, given.state, given.seed, given.workers,
        Sizes(given.lines, given.shapes, given.share), config.TINY if given.tiny else config.Shape(),
        "cuda" if torch.cuda.is_available() else "cpu", not given.no_compile, given.steps, given.stop_after, given.muon_lr, given.adam_lr,
        deadline=given.deadline, decay=given.decay)


def on(device: torch.device, batches: list[Batch]) -> Batches:
    return [(batch.kind, batch.form, [torch.from_numpy(array).to(device) for array in batch]) for batch in batches]


def main() -> None:
    given = parse()
    settings = settings_of(given)
    opened = time.monotonic()
    settings.out.mkdir(parents=True, exist_ok=True)
    encoder = Encoder()
    torch.set_float32_matmul_precision("high")
    first = torch.load(settings.resume, map_location="cpu")["next_step"] if settings.resume else 0
    stream = Stream(settings.sizes, settings.seed, first, settings.workers)  # forks, so before CUDA starts
    pool = multiprocessing.get_context("fork").Pool(max(1, settings.workers - 2))  # draws what evaluation needs
    held_out = pool.apply_async(held_out_batches, (settings.sizes,))
    if given.compiled:
        torch.compiler.load_cache_artifacts(lzma.decompress(given.compiled.read_bytes()))
    trainer = Trainer(settings, encoder)
    record = train(trainer, stream, on(trainer.device, held_out.get()))
    stream.close()
    record["settings"] = {key: str(value) for key, value in dataclasses.asdict(settings).items() if key != "out"}
    checkpoint.round_to_bf16(trainer.model)
    export(trainer, record, None)  # first, in case the evaluation should not end in time
    print(f"exported after {time.monotonic() - opened:.0f} s", flush=True)
    trainer.graphs.kept.clear()
    if trainer.device.type == "cuda":
        torch.cuda.empty_cache()
    torch.compiler.set_stance("force_eager")  # the evaluation's many shapes are not worth compiling
    evaluation = {}
    wanted = {name: max(2, int(evaluate.SUITES[name].number * given.eval_share)) for name in given.eval_suites if given.eval_share}
    jobs = {name: pool.starmap_async(evaluate.example, [(name, i) for i in range(number)], 4) for name, number in wanted.items()}
    for name, job in jobs.items():
        if time.monotonic() - opened > given.eval_until:
            break
        cases = job.get(timeout=60)
        evaluation[name] = evaluate.score(cases, evaluate.answer(trainer.model, encoder, cases, trainer.device,
                                                                 limit=evaluate.SUITES[name].limit))
        print(f"{time.monotonic() - opened:.0f} s", name, json.dumps(evaluation[name], ensure_ascii=False)[:700], flush=True)
        record["total_seconds"] = round(time.monotonic() - opened, 1)
        export(trainer, record, evaluation)
    print(f"done after {record.get('total_seconds')} s", flush=True)


if __name__ == "__main__":
    main()
