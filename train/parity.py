# SPDX-License-Identifier: Apache-2.0
"""Do transformers and monocle give the same greedy answers? `python3 -m train.parity PROGRAM [CHECKPOINT] --number 100`.

Both get the same pictures and questions and compute in fp32 on the CPU. Prints every difference and a line of JSON.
"""

import argparse
import json
import pathlib

from train import evaluate
from train.data.encode import TOKENIZER
from train.reference import Reference

# Suites and their shares of the cases.
MIXTURE = {"gui": 20, "contract": 15, "contract-2": 5, "info": 20, "page": 10, "lines": 10, "shapes": 10, "html": 5, "caption": 5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("checkpoint", type=pathlib.Path, nargs="?", default=TOKENIZER.parent)
    parser.add_argument("--number", type=int, default=100)
    options = parser.parse_args()
    reference = Reference(options.checkpoint)
    same = right = total = 0
    for suite, share in MIXTURE.items():
        limit = evaluate.SUITES[suite].limit
        for case in evaluate.examples(suite, share * options.number // 100):
            theirs = reference.answer(case.rgb, case.question, limit)
            ours = evaluate.ask_monocle(options.program, options.checkpoint, case, limit, ["--compute", "f32"])
            total, same, right = total + 1, same + (ours == theirs), right + (ours == case.answer)
            if ours != theirs:
                print(json.dumps({"suite": suite, "question": case.question, "transformers": theirs, "monocle": ours}, ensure_ascii=False),
                      flush=True)
    print(json.dumps({"cases": total, "same": same, "right": right}))


if __name__ == "__main__":
    main()
