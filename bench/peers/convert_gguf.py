#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts a Qwen3-VL checkpoint to GGUF with llama.cpp's own converter, so that both engines get the same weights.

    bench/peers/convert_gguf.py SOURCE CHECKPOINT OUT.gguf [--mmproj] [--outtype bf16]

SOURCE is the source folder that build_llama_cpp.sh unpacked. The converter knows vocabularies by the hash of a test
text; ours are not in its list, but they have Qwen2's pre-tokenizer, so the answer is given here.
"""
import argparse
import pathlib
import runpy
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--mmproj", action="store_true", help="the vision tower instead of the text layers")
    parser.add_argument("--outtype", default="bf16", help="bf16, f16, q8_0 or f32")
    arguments = parser.parse_args()

    converter = arguments.source / "llama.cpp/convert_hf_to_gguf.py"
    sys.path[:0] = [str(converter.parent), str(converter.parent / "gguf-py")]
    from conversion.base import TextModel
    TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    TextModel._set_vocab_sentencepiece = TextModel._set_vocab_gpt2  # which it tries first, and would need its library

    sys.argv = [str(converter), str(arguments.checkpoint), "--outfile", str(arguments.out),
                "--outtype", arguments.outtype] + (["--mmproj"] if arguments.mmproj else [])
    runpy.run_path(str(converter), run_name="__main__")


if __name__ == "__main__":
    main()
