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

from train.data.encode import Encoder
from train.data.packs import Batch, Sizes, make_pack

SLOTS_PER_WORKER = 3
PATIENCE = 60  # seconds without data after which something must be wrong
Layout = list[tuple[tuple[int, ...], str]]


class Slot:
    def __init__(self, size: int) -> None:
        self.memory = mmap.mmap(-1, size)

    def write(self, pack: tuple[Batch, Batch]) -> Layout:
        layout, offset = [], 0
        for array in (field for batch in pack for field in batch):
            target = np.frombuffer(self.memory, array.dtype, array.size, offset)
            target[:] = array.ravel()
            layout.append((array.shape, array.dtype.str))
            offset += -(-array.nbytes // 64) * 64
        return layout

    def read(self, layout: Layout) -> tuple[Batch, Batch]:
        arrays, offset = [], 0
        for shape, kind in layout:
            array = np.frombuffer(self.memory, np.dtype(kind), int(np.prod(shape)), offset).reshape(shape)
            arrays.append(array)
            offset += -(-array.nbytes // 64) * 64
        half = len(Batch.FIELDS)
        return Batch(*arrays[:half]), Batch(*arrays[half:])


def _work(worker: int, workers: int, first: int, seed: int, sizes: Sizes, slots: list[Slot], free, ready) -> None:
    encoder = Encoder()
    step = first + worker
    while True:
        number = free.get()
        try:
            layout = slots[number].write(make_pack(encoder, sizes, seed, step))
        except Exception:  # whatever it is, the consumer must hear of it rather than wait for ever
            ready.put((number, traceback.format_exc()))
            return
        ready.put((number, layout))
        step += workers


class Stream:
    """Starts the workers; must be created before CUDA is first used, because it forks."""

    def __init__(self, sizes: Sizes, seed: int, first: int, workers: int) -> None:
        context = mp.get_context("fork")
        pixels = sizes.lines * 256 * 256 + sizes.shapes * 320 * 256 * 3  # the largest canvas of each kind
        self.size = pixels + (sizes.lines + sizes.shapes) * 1024 + (1 << 16)
        self.lanes = []
        for worker in range(workers):
            slots = [Slot(self.size) for _ in range(SLOTS_PER_WORKER)]
            free, ready = context.SimpleQueue(), context.SimpleQueue()
            for number in range(SLOTS_PER_WORKER):
                free.put(number)
            process = context.Process(target=_work, args=(worker, workers, first, seed, sizes, slots, free, ready), daemon=True)
            process.start()
            self.lanes.append((process, slots, free, ready))

    def __iter__(self) -> Iterator[tuple[list[torch.Tensor], list[torch.Tensor]]]:
        """One pack a step, as views of shared memory that are valid until the next pack is asked for."""
        turn = 0
        while True:
            _, slots, free, ready = self.lanes[turn % len(self.lanes)]
            number, layout = ready.get()
            if isinstance(layout, str):
                raise RuntimeError(f"a data worker failed:\n{layout}")
            yield tuple([torch.from_numpy(array) for array in batch] for batch in slots[number].read(layout))
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
                    moved = tuple([move(tensor) for tensor in batch] for batch in pack)
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
            for tensor in (tensor for batch in pack for tensor in batch):
                tensor.record_stream(torch.cuda.current_stream())
        yield pack
