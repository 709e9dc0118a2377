# SPDX-License-Identifier: Apache-2.0
"""Where a training step's time goes, and what changes to it are worth: `python3 -m train.bench_step OUT --init CHECKPOINT`.

Times the same steps (drawn once, kept on the device) eagerly and as CUDA graphs, lists the kernels by time, and repeats with larger
batches and another attention kernel. Writes everything to OUT/bench-step.json.
"""

import argparse
import collections
import contextlib
import json
import multiprocessing
import pathlib
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile

from train.data.encode import Encoder
from train.data.packs import Sizes, make_pack
from train.model import config
from train.run import on
from train.trainer import Batches, Settings, Trainer

STEPS = 12


def one(sizes: Sizes, step: int) -> list:
    return make_pack(Encoder(), sizes, 63, step)


def drawn(sizes: Sizes) -> list:
    with multiprocessing.get_context("fork").Pool(12) as pool:
        return pool.starmap(one, [(sizes, step) for step in range(STEPS)])


def steps(trainer: Trainer, packs: list[Batches]) -> float:
    """Milliseconds a step over all packs."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    for number, pack in enumerate(packs):
        trainer.step(number + 1, pack, 1e-4, False)
    torch.cuda.synchronize()
    return (time.perf_counter() - began) * 1000 / len(packs)


def kernels(trainer: Trainer, packs: list[Batches], shown: int = 40) -> dict:
    """The device's busy time a step in ms, and the kernels that take most of it."""
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as trace:
        steps(trainer, packs)
    total: collections.Counter[str] = collections.Counter()
    number = 0
    for event in trace.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            total[event.name[:110]] += event.time_range.elapsed_us() / 1000 / len(packs)
            number += 1
    return {"busy_ms": sum(total.values()), "kernels": number / len(packs), "most": total.most_common(shown)}


def of_each_kind(trainer: Trainer, packs: list[Batches]) -> dict[str, float]:
    """Milliseconds of one batch of each kind, replayed."""
    found = {}
    for kind in sorted({kind for pack in packs for kind, *_ in pack}):
        some = [[batch] for pack in packs for batch in pack if batch[0] == kind]
        found[kind] = round(steps(trainer, some), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--init", type=pathlib.Path)
    options = parser.parse_args()
    packs_of = {share: drawn(Sizes(int(160 * share), int(96 * share), share)) for share in (1.0, 2.0)}
    torch.set_float32_matmul_precision("high")
    defaults = dict(out=options.out, seconds=0, init=options.init, init_head=None, resume=None, state=None, seed=1, workers=0,
                    sizes=Sizes(), shape=config.Shape(), device="cuda", compile=True, steps=0)
    report: dict = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}

    def note(**facts: object) -> None:
        report.update(facts)
        print(json.dumps(facts)[:4000], flush=True)
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "bench-step.json").write_text(json.dumps(report, indent=1) + "\n", "utf8")

    began = time.perf_counter()
    trainer = Trainer(Settings(**defaults), Encoder())
    packs = [on(trainer.device, pack) for pack in packs_of[1.0]]
    trainer.graphs.enabled = False
    steps(trainer, packs[:6])
    note(compile_s=time.perf_counter() - began, eager_first_ms=steps(trainer, packs), eager_ms=steps(trainer, packs))
    note(eager_kernels=kernels(trainer, packs[:4]))
    trainer.graphs.enabled = True
    note(record_ms=[steps(trainer, packs), steps(trainer, packs)], replay_ms=[steps(trainer, packs), steps(trainer, packs)])
    note(replay_kernels=kernels(trainer, packs, 60), kinds=of_each_kind(trainer, packs), graphs=len(trainer.graphs.kept),
         memory_gib=torch.cuda.max_memory_reserved() / 2**30)
    for name, share, backend in (("cudnn", 1.0, SDPBackend.CUDNN_ATTENTION), ("double", 2.0, None)):
        trainer.graphs.kept.clear()
        packs = [on(trainer.device, pack) for pack in packs_of[share]]
        with sdpa_kernel(backend) if backend else contextlib.nullcontext(), contextlib.suppress(RuntimeError):
            note(**{f"{name}_ms": [steps(trainer, packs) for _ in range(4)], f"{name}_s": time.perf_counter() - began})
    artifacts = torch.compiler.save_cache_artifacts()
    if artifacts:
        (options.out / "compiled.bin").write_bytes(artifacts[0])
        note(compiled_bytes=len(artifacts[0]))


if __name__ == "__main__":
    main()
