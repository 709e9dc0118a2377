# SPDX-License-Identifier: Apache-2.0
"""Model, training-only head and optimisers, and what a step does with its batches."""

import dataclasses
import pathlib

import torch
import torch.nn.functional as F
from torch import Tensor

from train.data import packs, prompts, tasks
from train.data.augment import Augment
from train.data.classes import CLASSES
from train.data.encode import Encoder, Form
from train.data.packs import IGNORE, Sizes
from train.graphs import Graphs, own_stream
from train.model import checkpoint, config
from train.model.geometry import Layout, geometry, layout
from train.model.network import Qwen3VL, pair_frames, patchify
from train.model.optim import make_optimizers
from train.model.place_head import PlaceHead, own_places, place_loss
from train.model.reading_head import CELL, ReadingHead, cell_labels, reading_loss
from train.model.turn_head import BEFORE_LAST, TurnHead, turn_loss

CHAT_EVERY = 16  # steps between text-only batches
HEADS_ALONE = (60, 200)  # with new heads on trained towers: steps until these feel the heads' losses, and until they do fully
CHECKED = ("gui", "contract", "info", "info-many", "page", "html", "contract-3", "clip-30")  # tasks that are looked at during training
PARTS = ("token", "reading", "place", "turn")  # of the loss
Batches = list[tuple[str, Form, list[Tensor]]]
Losses = dict[str, dict[str, Tensor]]  # by kind of batch


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides a run; written to the training record."""

    out: pathlib.Path
    seconds: float
    init: pathlib.Path | None  # weights to start from, with a fresh optimiser
    init_head: pathlib.Path | None  # the heads to start from; they may know fewer classes
    resume: pathlib.Path | None  # a state to go on from exactly
    state: pathlib.Path | None  # where to keep that state
    seed: int
    workers: int
    sizes: Sizes
    shape: config.Shape
    device: str
    compile: bool
    steps: int  # 0: until the time is over
    stop_after: int = 0  # steps of this sitting; 0: all
    muon_lr: float = 0.02
    adam_lr: float = 2e-3
    warm_up: int = 60
    deadline: float = 520  # training ends at most this many seconds after its start, however long compiling took
    graphs: bool = True  # CUDA graphs; without, every step is eager
    decay: float = 0.45  # last share of the time, in which the learning rate falls to zero


def token_loss(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORE)


class Trainer:
    def __init__(self, settings: Settings, encoder: Encoder) -> None:
        self.settings, self.encoder = settings, encoder
        self.device = torch.device(settings.device)
        own_stream(self.device)
        torch.manual_seed(settings.seed)
        self.model = Qwen3VL(settings.shape).to(self.device)
        self.head = ReadingHead(settings.shape.hidden, CLASSES).to(self.device)
        self.place_head = PlaceHead(settings.shape.hidden).to(self.device)
        self.turn_head = TurnHead(settings.shape.hidden).to(self.device)
        if settings.init:
            self.model.load_state_dict(checkpoint.load_pieces(settings.init, "model"))
        if settings.init_head:
            self.head.grow_from(checkpoint.load_pieces(settings.init_head, "head"))
            self.place_head.grow_from(checkpoint.load_pieces(settings.init_head, "place-head"))
            if (settings.init_head / "turn-head-1.safetensors").exists():  # v2 had none
                self.turn_head.load_state_dict(checkpoint.load_pieces(settings.init_head, "turn-head"))
        self.reach = torch.ones((), device=self.device)  # how much of the heads' gradients enters the towers
        self.fresh_heads = settings.init is not None and not settings.init_head
        self.optimizers = make_optimizers(self.model, [self.head, self.place_head, self.turn_head], settings.muon_lr, settings.adam_lr)
        for part in (self.model, self.head, self.place_head, self.turn_head):
            for parameter in part.parameters():  # graphs add to gradients where they are
                parameter.grad = torch.zeros_like(parameter)
        self.augment = Augment(self.device, settings.seed * 1_000_003, settings.compile)
        self.check_augment = Augment(self.device, 7, settings.compile)  # so that checks do not disturb the run's draws
        self.first_step, self.spent = 0, 0.0
        if settings.resume:
            self._load_state(settings.resume)
        self.graphs = Graphs(self.device, self.augment.generator, settings.graphs)
        self.layouts: dict[tuple[Form, int, int], Layout] = {}
        self.token_loss, self.reading_loss = token_loss, reading_loss
        self.chat_ids, self.chat_targets = self._chat_batch()
        if settings.compile:
            self._compile()

    def _compile(self) -> None:
        """Blocks and mergers are compiled once and reused by every layer; canvases only change a dynamic length. The losses are long
        chains over wide rows; the heads are large matrix products with little between them, not worth the compiler's time."""
        torch._dynamo.config.recompile_limit = 64
        torch._dynamo.config.suppress_errors = True  # what does not compile runs uncompiled
        torch.fx.experimental._config.use_duck_shape = False  # a length that happens to equal a width is no rule
        visual = self.model.model.visual
        for part in (*visual.blocks, visual.merger, *visual.deepstack_merger_list, *self.model.model.language_model.layers):
            part.compile(dynamic=True)
        self.token_loss, self.reading_loss = (torch.compile(loss, dynamic=True) for loss in (token_loss, reading_loss))

    # -- exact resume --------------------------------------------------------------------------------------------------
    def save_state(self, path: pathlib.Path, next_step: int, spent: float) -> None:
        """All that the next step depends on: its data depend on seed and number alone."""
        state = {"model": self.model.state_dict(), "head": self.head.state_dict(), "place_head": self.place_head.state_dict(),
                 "turn_head": self.turn_head.state_dict(), "next_step": next_step, "spent": spent,
                 "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                 "generator": self.augment.generator.get_state()}
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def _load_state(self, path: pathlib.Path) -> None:
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.place_head.load_state_dict(state["place_head"])
        self.turn_head.load_state_dict(state["turn_head"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self.augment.generator.set_state(state["generator"].cpu())
        self.first_step, self.spent = state["next_step"], state["spent"]

    # -- a step --------------------------------------------------------------------------------------------------------
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

    def _layout(self, form: Form, width: int, height: int) -> Layout:
        key = form, width, height
        if key not in self.layouts:
            self.layouts[key] = layout(geometry(self.settings.shape, width, height, self.device), self.encoder.before(form))
        return self.layouts[key]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _degraded(self, augment: Augment, kind: str, pixels: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        if kind == "line":
            return augment.lines(pixels, marks)
        if kind == "shape":
            return augment.shapes(pixels, marks)
        return augment.pictures(pixels, marks, tasks.TASKS[kind].turn, tasks.TASKS[kind].strength)

    def losses(self, kind: str, form: Form, batch: list[Tensor], augment: Augment, measure: bool = False) -> dict[str, Tensor]:
        """Next-token, reading, place and turn loss of one batch; with `measure` the accuracies too.

        Nothing here may wait for the device, or it idles while the next step is prepared.
        """
        pixels, marks = self._degraded(augment, kind, *batch[:2])
        cells, turns, (suffix, start, target) = batch[2], batch[6], (tensor.long() for tensor in batch[3:6])
        height, width = pixels.shape[2:]
        where = self._layout(form, width, height)
        labels = cell_labels(marks, width // CELL, height // CELL)
        with self._autocast():
            patches = patchify(pixels).bfloat16()
            image, deep = self.model.see(pair_frames(patches) if form.fps else patches, where.geometry)
            apart = image.detach()
            seen = apart + (image - apart) * self.reach
            scores, places = self.head(seen), self.place_head(seen)
            asks = len(suffix) * form.pictures // len(image)
            image, *deep = (tokens.unflatten(0, (-1, form.pictures)).flatten(1, 2).repeat_interleave(asks, 0) for tokens in (image, *deep))
            inner: list[Tensor] = []
            states = self.model.read(image, deep, where, suffix, inner)
            place = start[:, None] + torch.arange(target.shape[1], device=self.device)
            place = place.clamp(max=suffix.shape[1] - 1)[..., None].expand(-1, -1, states.shape[2])
            logits = self.model.logits(states.gather(1, place))
        own = own_places(width // CELL, height // CELL, self.device)
        losses = {"token": self.token_loss(logits, target), "reading": self.reading_loss(scores, labels),
                  "place": place_loss(places, own, cells), "turn": self._turn_loss(inner[-1 - BEFORE_LAST], where, turns)}
        if measure:
            real, known = target != IGNORE, labels > 0
            losses["token_right"] = (logits.argmax(-1) == target)[real].float().mean()
            losses["answer_right"] = ((logits.argmax(-1) == target) | ~real).all(1).float().mean()
            losses["cell_right"] = (scores.argmax(-1) == labels)[known].float().mean()
        return losses

    def _turn_loss(self, states: Tensor, where: Layout, turns: Tensor) -> Tensor:
        """Of the states of a whole sequence between two layers; nothing for what is no clip."""
        if not turns.shape[1]:
            return states.new_zeros((), dtype=torch.float32)
        last = where.places.view(turns.shape[1], -1)[:, -1]
        asks = len(states) // len(turns)
        with self._autocast():
            scores = self.turn_head(states[::asks, last])
        return turn_loss(scores, turns)

    def _chat_loss(self) -> Tensor:
        with self._autocast():
            logits = self.model.logits(self.model.chat(self.chat_ids, torch.bfloat16))
        return token_loss(logits, self.chat_targets)

    def step(self, number: int, pack: Batches, rate: float, measure: bool) -> Losses:
        """One optimiser step. `rate` scales the peak learning rates. Losses are only returned with `measure`."""
        found: Losses = {}
        if self.fresh_heads:
            begin, end = HEADS_ALONE
            self.reach.fill_(min(1.0, max(0.0, (number - begin) / (end - begin))))
        for kind, form, batch in pack:
            if measure:
                losses = self.losses(kind, form, batch, self.augment, True)
                sum(losses[name] for name in PARTS).backward()
                found[kind] = {name: value.detach() for name, value in losses.items()}
                del losses  # graphs must not be recorded while autograd's graph of an eager step is alive
                continue

            def work(inputs: list[Tensor]) -> None:
                losses = self.losses(kind, form, inputs, self.augment)
                sum(losses[name] for name in PARTS).backward()

            self.graphs.run((kind, form), work, batch)
        if number % CHAT_EVERY == 0:
            (0.1 * self._chat_loss()).backward()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"].fill_(group["peak_lr"] * rate)
        self.graphs.run("optimizers", self._update, [])
        return found

    def _update(self, _: list[Tensor]) -> None:
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)

    def check(self, held_out: Batches) -> dict[str, float]:
        """Share of held-out answers that are right throughout, given the answer so far: what greedy decoding would give. Gradients are
        on, though unused, since without them the blocks would be compiled once more."""
        return {kind: round(self.losses(kind, form, batch, self.check_augment, True)["answer_right"].item(), 4)
                for kind, form, batch in held_out}


def held_out_batches(sizes: Sizes) -> list[packs.Batch]:
    """One batch of reserved values for each task of CHECKED, on its most frequent canvas."""
    encoder = Encoder()
    found = []
    for number, kind in enumerate(CHECKED):
        task = tasks.TASKS[kind]
        first = packs.EVAL_SEED + 2_000_000 + number * 10_000
        canvas = max(task.canvases, key=task.canvases.get)
        found.append(packs.task_batch(encoder, kind, [first + i for i in range(min(40, sizes.samples(kind)))], canvas))
    return found
