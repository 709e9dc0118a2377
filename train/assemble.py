# SPDX-License-Identifier: Apache-2.0
"""Puts a checkpoint together from a run's pieces: `python3 -m train.assemble RUN_FOLDER [CHECKPOINT]`.

The weights pass through transformers' own class, which proves that names and shapes are those it expects.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import torch
from tokenizers import Tokenizer

from train.data.encode import TOKENIZER
from train.model import checkpoint, config

TEMPLATE = pathlib.Path(__file__).parent / "model" / "chat_template.jinja"


def assemble(run: pathlib.Path, target: pathlib.Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if target / "tokenizer.json" != TOKENIZER:
        shutil.copy(TOKENIZER, target)
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    shape = config.Shape()
    model = checkpoint.reference_model(shape, tokenizer, torch.bfloat16)
    checkpoint.to_reference(checkpoint.load_pieces(run, "model"), model)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        shutil.copyfile(pathlib.Path(scratch) / "model.safetensors", target / "model.safetensors")
    config.write_side_files(target, shape, tokenizer)
    template = json.dumps({"chat_template": TEMPLATE.read_text("utf8")}, indent=2, ensure_ascii=False)
    (target / "chat_template.json").write_text(template + "\n", "utf8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path, help="folder with model-1.safetensors, model-2.safetensors, ...")
    parser.add_argument("checkpoint", type=pathlib.Path, nargs="?", default=TOKENIZER.parent)
    options = parser.parse_args()
    assemble(options.run, options.checkpoint)
