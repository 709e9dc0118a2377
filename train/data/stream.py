# SPDX-License-Identifier: Apache-2.0
"""Packs drawn by worker processes, handed over through shared memory, in step order.

Worker w of W draws steps w, w + W, ...: the order of the data depends on nothing but the seed. A slot is a piece of
anonymous shared memory that both sides see; only its layout travels through a pipe.
"""

import mmap
import multiprocessing as mp
import queue
import threading
import traceback
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from train.data import tasks
from train.data.encode import Encoder, Form
from train.data.packs import Batch, Sizes, make_pack

SLOTS_PER_WORKER = 2
SPARE_STEPS = 1 << 21  # beyond any run's last step
PATIENCE = 90  # seconds without data after which something must be wrong
Layout = list[tuple[str, Form, list[tuple[tuple[int, ...], str]]]]  # a batch's kind and form, and shape and type of its arrays
Loaded = list[tuple[str, Form, list[torch.Tensor]]]


class Slot:
    def __init__(self, size: int) -> None:
        self.memory = mmap.mmap(-1, size)

    def write(self, pack: list[Batch]) -> Layout:
        layout, offset = [], 0
        for batch in pack:
            arrays = []
            for array in batch:
                target = np.frombuffer(self.memory, array.dtype, array.size, offset)
                target[:] = array.ravel()
                arrays.append((array.shape, array.dtype.str))
                offset += -(-array.nbytes // 64) * 64
            layout.append((batch.kind, batch.form, arrays))
        return layout

    def read(self, layout: Layout) -> Loaded:
        pack, offset = [], 0
        for kind, form, arrays in layout:
            tensors = []
            for shape, dtype in arrays:
                array = np.frombuffer(self.memory, np.dtype(dtype), int(np.prod(shape)), offset).reshape(shape)
                tensors.append(torch.from_numpy(array))
                offset += -(-array.nbytes // 64) * 64
            pack.append((kind, form, tensors))
        return pack


def slot_bytes(sizes: Sizes) -> int:
    """Room for the largest pack: the largest canvas of everything that can come together, and texts and marks beside it."""
    def of_task(kind: str) -> int:
        task = tasks.TASKS[kind]
        picture = max(width * height for width, height in task.canvases) * 3 + 16384
        return sizes.samples(kind) * (task.frames * picture + task.asks * 4096)

    largest = (max(of_task(kind) for kind in kinds if kind) for kinds in (tasks.SECOND, tasks.FOURTH))
    plain = sizes.lines * (256 * 256 + 1024) + sizes.shapes * (256 * 256 * 3 + 1024)
    return plain + of_task("gui") + of_task("info") + sum(largest) + (1 << 16)


def _pack(encoder: Encoder, sizes: Sizes, seed: int, step: int) -> list[Batch]:
    """A step's pack; should a generator fail, that of a step which no run reaches, so that a rare picture does not end a run."""
    try:
        return make_pack(encoder, sizes, seed, step)
    except Exception:
        print(f"step {step} could not be drawn:\n{traceback.format_exc()}", flush=True)
        return make_pack(encoder, sizes, seed, step + SPARE_STEPS)


def _work(worker: int, workers: int, first: int, seed: int, sizes: Sizes, slots: list[Slot], free, ready) -> None:
    encoder = Encoder()
    step = first + worker
    while True:
        number = free.get()
        try:
            layout = slots[number].write(_pack(encoder, sizes, seed, step))
        except Exception:  # whatever it is, the consumer must hear of it rather than wait for ever
            ready.put((number, traceback.format_exc()))
            return
        ready.put((number, layout))
        step += workers


class Stream:
    """Starts the workers; must be created before CUDA is first used, because it forks."""

    def __init__(self, sizes: Sizes, seed: int, first: int, workers: int) -> None:
        context = mp.get_context("fork")
        self.size = slot_bytes(sizes)
        self.lanes = []
        for worker in range(workers):
            slots = [Slot(self.size) for _ in range(SLOTS_PER_WORKER)]
            free, ready = context.SimpleQueue(), context.SimpleQueue()
            for number in range(SLOTS_PER_WORKER):
                free.put(number)
            process = context.Process(target=_work, args=(worker, workers, first, seed, sizes, slots, free, ready), daemon=True)
            process.start()
            self.lanes.append((process, slots, free, ready))

    def __iter__(self) -> Iterator[Loaded]:
        """One pack a step, as views of shared memory that are valid until the next pack is asked for."""
        turn = 0
        while True:
            _, slots, free, ready = self.lanes[turn % len(self.lanes)]
            number, layout = ready.get()
            if isinstance(layout, str):
                raise RuntimeError(f"a data worker failed:\n{layout}")
            yield slots[number].read(layout)
            free.put(number)
            turn += 1

    def close(self) -> None:
        for process, *_ in self.lanes:
            process.terminate()


def on_device(packs: Iterable, device: torch.device, depth: int = 4) -> Iterator:
    """Moves packs to the device ahead of use, in a thread and on a stream of its own, beside the steps."""
    ahead: queue.Queue = queue.Queue(depth)
    side = torch.cuda.Stream(device) if device.type == "cuda" else None

    def move(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.pin_memory().to(device, non_blocking=True) if side else tensor.clone()

    def fill() -> None:
        try:
            with torch.cuda.stream(side):
                for pack in packs:
                    moved = [(kind, form, [move(tensor) for tensor in batch]) for kind, form, batch in pack]
                    if side:
                        side.synchronize()
                    ahead.put(moved)
        except Exception as error:  # raised again where the packs are used
            ahead.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        pack = ahead.get(timeout=PATIENCE)
        if isinstance(pack, Exception):
            raise pack
        if side:  # the copies' memory must not be reused before the steps that read it are done
            for tensor in (tensor for *_, batch in pack for tensor in batch):
                tensor.record_stream(torch.cuda.current_stream())
        yield pack
