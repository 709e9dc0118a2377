# SPDX-License-Identifier: Apache-2.0
"""Forward and backward of a batch as one CUDA graph for each shape of batch.

The model is so narrow that an eager step is mostly launches: thousands of kernels of a few microseconds. A shape's first batch
runs eagerly (which compiles), its second is recorded, all later ones are replayed. All graphs share one pool of memory: they
run one after another and leave nothing behind but gradients, which live outside.

Recording needs a stream other than the default one, and autograd remembers the stream on which a parameter was first used for as
long as any result of that step is alive. So the whole training runs on the stream that `own_stream` sets. Should recording fail
nevertheless, steps are eager from then on: slower, but a lent machine's minutes are not lost.
"""

import traceback
from collections.abc import Callable, Hashable

import torch
from torch import Tensor

Work = Callable[[list[Tensor]], None]
Recorded = tuple[torch.cuda.CUDAGraph, list[Tensor]]


def own_stream(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.set_stream(torch.cuda.Stream(device))


class Graphs:
    def __init__(self, device: torch.device, generator: torch.Generator, enabled: bool) -> None:
        self.enabled = enabled and device.type == "cuda"
        self.generator = generator  # of all random numbers that are drawn inside
        self.kept: dict[Hashable, Recorded | None] = {}
        self.pool = torch.cuda.graph_pool_handle() if self.enabled else None

    def run(self, key: Hashable, work: Work, inputs: list[Tensor]) -> None:
        """Does `work(inputs)`, which must depend on nothing but tensors that stay where they are and must not wait for the device."""
        key = (key, *(tensor.shape for tensor in inputs))
        if self.enabled and key in self.kept and self.kept[key] is None:
            self.kept[key] = self._record(work, [tensor.clone() for tensor in inputs])
        kept = self.kept.setdefault(key, None) if self.enabled else None
        if kept is None:
            work(inputs)
            return
        graph, held = kept
        for target, source in zip(held, inputs):
            target.copy_(source)
        graph.replay()

    def _record(self, work: Work, held: list[Tensor]) -> Recorded | None:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        torch.cuda.synchronize()
        graph.capture_begin(pool=self.pool, capture_error_mode="thread_local")  # another thread moves data meanwhile
        try:
            work(held)
            graph.capture_end()
        except RuntimeError:
            traceback.print_exc()
            self.enabled = False
            try:
                graph.capture_end()
            except RuntimeError:
                pass  # the recording is broken; ending it only frees the stream
            return None
        return graph, held
