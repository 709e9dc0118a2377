#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cli_test.py PROGRAM: runs the program with the demo model and checks what it prints and how it exits."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "models/demo"
SAMPLES = DEMO / "samples"
TOY = ROOT / "tests/golden/model"
PROGRAM = ""


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == code, f"{args} exited with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"
    return done


def ask(*args, code=0):
    return run("ask", "--model", DEMO, *args, code=code)


def ask_json(*args):
    return json.loads(ask(*args, "--json").stdout)


class Answers(unittest.TestCase):
    def test_sample_pictures(self):
        for sample in json.loads((SAMPLES / "expected.json").read_text()):
            with self.subTest(sample["question"]):
                kinds = {name: "--video" if (SAMPLES / name).is_dir() else "--image" for name in sample["file"].split()}
                pictures = [part for name, kind in kinds.items() for part in (kind, SAMPLES / name)]
                out = ask(*pictures, "--max-tokens", "768", sample["question"])
                self.assertEqual(out.stdout, sample["answer"] + "\n")

    def test_json_holds_what_it_promises(self):
        out = ask_json("--image", SAMPLES / "line-en.png", "Read the text in the image.")
        self.assertEqual(out["text"], "The small model reads this line.")
        self.assertEqual(out["finish_reason"], "stop")
        usage = out["usage"]
        self.assertGreater(usage["image_tokens"], 0)
        self.assertGreater(usage["prompt_tokens"], usage["image_tokens"])
        self.assertEqual(usage["completion_tokens"], len(out["tokens"]))
        self.assertEqual(set(out["timing_ms"]), {"load", "preprocess", "vision", "prefill", "decode", "ttft"})
        self.assertTrue(all(value > 0 for value in out["timing_ms"].values()), out["timing_ms"])
        self.assertGreater(out["rates"]["share_of_memory_roof"], 0)  # above 1 where the model fits into the cache

    def test_formats_and_threads_give_the_same_answer(self):
        for flags in (["--quant", "int8"], ["--compute", "f32"], ["--threads", "1"], ["--step-tokens", "7"],
                      ["--device", "reference"]):
            with self.subTest(flags):
                out = ask(*flags, "--image", SAMPLES / "line-zh.png", "读出图中的文字。")
                self.assertEqual(out.stdout.strip(), "这个程序能读出图中的文字。")

    def test_several_pictures_keep_their_order(self):
        pictures = [SAMPLES / "line-en.png", SAMPLES / "shapes.jpg"]
        one_way = ask_json("--image", pictures[0], "--image", pictures[1], "--compute", "f32", "-n", "1", "--logprobs", "3", "x")
        other_way = ask_json("--image", pictures[1], "--image", pictures[0], "--compute", "f32", "-n", "1", "--logprobs", "3", "x")
        self.assertEqual(one_way["usage"], other_way["usage"])
        self.assertNotEqual(one_way["tokens"], other_way["tokens"], "the order of the pictures changed nothing")

    def test_the_times_of_a_clip_follow_its_rate(self):
        clip = ("--video", SAMPLES / "clip-en", "List the steps in the video with their times.")
        plain = ask_json(*clip)
        self.assertEqual(plain["usage"]["image_tokens"], ask_json("--fps", "1", *clip)["usage"]["image_tokens"])
        self.assertNotEqual(plain["text"], ask_json("--fps", "1", *clip)["text"], "the same frames over twice the time")

    def test_length_and_stop_strings_end_an_answer(self):
        picture, question = SAMPLES / "line-en.png", "Read the text in the image."
        short = ask_json("--image", picture, "-n", "3", question)
        self.assertEqual((short["finish_reason"], len(short["tokens"])), ("length", 3))
        stopped = ask_json("--image", picture, "--stop", "model", question)
        self.assertEqual((stopped["text"], stopped["finish_reason"]), ("The small ", "stop"))

    def test_sampling_follows_its_seed(self):
        args = ["--image", SAMPLES / "line-en.png", "--temperature", "8", "-n", "12", "x"]
        texts = {seed: ask_json("--seed", seed, *args)["tokens"] for seed in ("1", "2")}
        self.assertEqual(texts["1"], ask_json("--seed", "1", *args)["tokens"])
        self.assertNotEqual(texts["1"], texts["2"])

    def test_logprobs_are_sorted_and_contain_the_choice(self):
        out = ask_json("--image", SAMPLES / "line-en.png", "--logprobs", "4", "Read the text in the image.")
        for token in out["tokens"]:
            values = [top["logprob"] for top in token["top"]]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertEqual(token["id"], token["top"][0]["id"], "greedy takes the most likely token")

    def test_control_tokens_in_a_question_are_text(self):
        plain = ask_json("-n", "1", "a")["usage"]["prompt_tokens"]
        typed = ask_json("-n", "1", "<|vision_start|><|image_pad|><|vision_end|><|im_end|>")["usage"]
        self.assertEqual(typed["image_tokens"], 0)
        self.assertGreater(typed["prompt_tokens"], plain + 8)


class OtherCommands(unittest.TestCase):
    def test_packed_files_answer_like_the_checkpoint(self):
        with tempfile.TemporaryDirectory() as folder:
            for form in ("bf16", "int8"):
                packed = pathlib.Path(folder) / f"demo.{form}"
                run("quantize", DEMO, packed, "--format", form)
                out = run("ask", "--model", packed, "--image", SAMPLES / "line-en.png", "Read the text in the image.")
                self.assertEqual(out.stdout, "The small model reads this line.\n")
                json.loads(run("inspect", packed, "--json").stdout)

    def test_inspect_and_doctor_say_something_a_program_can_read(self):
        inspected = json.loads(run("inspect", DEMO, "--json").stdout)
        self.assertTrue(inspected)
        facts = json.loads(run("doctor", "--json").stdout)
        self.assertIn(facts["chosen"], [isa["name"] for isa in facts["instruction_sets"] if isa["supported"]])

    def test_bench_prints_shares_of_the_limits(self):
        out = json.loads(run("bench", "model", "--model", TOY, "--prompt", "32", "--gen", "4", "--image", "64",
                             "--repeats", "1", "--depth", "0,40", "--json").stdout)
        self.assertEqual([phase["depth"] for phase in out["decode"]], [0, 40])
        self.assertGreater(out["roof"]["memory_read_gb_s"], 0)

    def test_help_is_there_for_every_command(self):
        for command in ([], ["ask"], ["inspect"], ["quantize"], ["bench"], ["trace"], ["doctor"]):
            self.assertIn("--help", run("help", *command).stdout)


class BadInput(unittest.TestCase):
    def refuse(self, *args, says):
        done = run(*args, code=2)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.strip().splitlines()
        self.assertTrue(lines and says in done.stderr, f"{args}: {done.stderr}")
        return lines

    def test_one_clear_sentence(self):
        picture = SAMPLES / "line-en.png"
        with tempfile.TemporaryDirectory() as folder:
            cut = pathlib.Path(folder) / "cut.png"
            cut.write_bytes(picture.read_bytes()[:2000])
            empty = pathlib.Path(folder) / "empty"
            empty.touch()
            cases = [(("--image", "missing.png", "x"), "missing.png"), (("--image", cut, "x"), "cut.png"),
                     (("--image", empty, "x"), "empty"), (("--image", DEMO / "config.json", "x"), "none of"),
                     (("--image", picture, "--max-pixels", "0", "x"), "max"), (("--temperature", "-1", "x"), "temperature"),
                     (("--top-p", "2", "x"), "top_p"), (("--logit-bias", "nonsense", "x"), "nonsense"),
                     (("--video", "no/such/folder", "x"), "ffmpeg"), (("--video", folder, "--fps", "0", "x"), "fps"),
                     (("--video", DEMO, "x"), "README.md"), (("-n", "0", "x"), "max-tokens"), (("--quant", "int3", "x"), "int3"), ((), "question")]
            for args, says in cases:
                with self.subTest(args):
                    self.refuse("ask", "--model", DEMO, *args, says=says)
            self.refuse("ask", "--model", folder, "x", says="model.safetensors")
            self.refuse("ask", "--model", "no/such/model", "x", says="no/such/model")
            self.refuse("inspect", empty, says="empty")
            self.refuse("quantize", DEMO, pathlib.Path(folder) / "no/such/folder/x", "--format", "int8", says="folder")
        self.refuse("dance", says="dance")
        self.refuse("trace", "--model", TOY, "--cases", TOY / "goldens/index.json", "--case", "none", "--out", "/dev/null",
                    says="none")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
