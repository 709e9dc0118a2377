# SPDX-License-Identifier: Apache-2.0
"""A run that is interrupted and resumed makes the same steps as one that is not."""

import pathlib
import subprocess
import sys

import pytest
import torch

from train.data import fonts

COMMAND = [sys.executable, "-m", "train.run", "--tiny", "--no-compile", "--lines", "2", "--shapes", "2", "--share", "0.02", "--workers", "1",
           "--steps", "2", "--eval-share", "0"]


@pytest.mark.skipif(not fonts.CACHE.exists(), reason="run python3 -m train.data.fonts first")
def test_resumed_run_equals_an_uninterrupted_one(tmp_path: pathlib.Path) -> None:
    def run(name: str, *options: str) -> dict:
        command = [*COMMAND, "--out", str(tmp_path / name), "--state", str(tmp_path / f"{name}.pt"), *options]
        subprocess.run(command, check=True, cwd=pathlib.Path(__file__).parents[2], stdout=subprocess.DEVNULL)
        return torch.load(tmp_path / f"{name}.pt")

    whole = run("whole")
    run("half", "--stop-after", "1")
    resumed = run("rest", "--resume", str(tmp_path / "half.pt"))
    assert whole["next_step"] == resumed["next_step"] == 2
    for part in ("model", "head"):
        assert all(torch.equal(tensor, resumed[part][name]) for name, tensor in whole[part].items())
