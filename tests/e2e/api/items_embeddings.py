# SPDX-License-Identifier: Apache-2.0
"""Item 69: embeddings, as clients ask for them, and against what transformers computes for the same tokens."""

import base64
import json
import math
import struct
import threading
import zlib

import case
import serving

GOLDEN = serving.ROOT / "tests/golden/model"


def unit(values):
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def golden(name, tensor):
    """A tensor of tests/golden as (shape, flat values); only float32 and int64 are there."""
    data = (GOLDEN / f"goldens/{name}.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8:8 + size])[tensor]
    begin, end = (8 + size + offset for offset in entry["data_offsets"])
    kind, width = ("f", 4) if entry["dtype"] == "F32" else ("q", 8)
    return entry["shape"], struct.unpack(f"<{(end - begin) // width}{kind}", data[begin:end])


def golden_picture(name):
    """An array of tests/golden, uint8 [height, width, 3], as the data: URI of a PNG."""
    data = (GOLDEN / f"goldens/{name}.npy").read_bytes()
    header = 10 + struct.unpack("<H", data[8:10])[0]
    height, width = eval(data[10:header], {"__builtins__": {}})["shape"][:2]  # noqa: S307 - a file of ours
    rows = b"".join(b"\0" + data[header + 3 * width * y:header + 3 * width * (y + 1)] for y in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    png = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
           + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return "data:image/png;base64," + base64.b64encode(png).decode()


class Embeddings(case.Case):
    def embed(self, **body):
        return self.good(self.client.post("/v1/embeddings", body))

    def test_69_shape_and_usage(self):
        reply = self.embed(model="monocle-demo", input="The small model")
        self.assertEqual((reply["object"], reply["model"]), ("list", "monocle-demo"))
        self.assertEqual((reply["data"][0]["object"], reply["data"][0]["index"]), ("embedding", 0))
        tokens = self.good(self.client.post("/tokenize", {"prompt": "The small model"}))["count"]
        self.assertEqual((reply["usage"]["prompt_tokens"], reply["usage"]["total_tokens"]), (tokens, tokens))
        self.assertAlmostEqual(sum(value * value for value in reply["data"][0]["embedding"]), 1, places=5)

    def test_69_base64_is_the_same(self):
        plain = self.embed(input="The small model")["data"][0]["embedding"]
        coded = base64.b64decode(self.embed(input="The small model", encoding_format="base64")["data"][0]["embedding"])
        for a, b in zip(plain, struct.unpack(f"<{len(coded) // 4}f", coded), strict=True):
            self.assertAlmostEqual(a, b, places=6)

    def test_69_tokens_and_batches(self):
        texts = ["The small model", "reads", "一二三", "The small model"]
        ids = [self.good(self.client.post("/tokenize", {"prompt": text}))["tokens"] for text in texts]
        batch = self.embed(input=texts)
        self.assertEqual([row["index"] for row in batch["data"]], [0, 1, 2, 3])
        self.assertEqual(batch["usage"]["prompt_tokens"], sum(map(len, ids)))
        self.assertEqual(batch["data"][0]["embedding"], batch["data"][3]["embedding"])
        self.assertNotEqual(batch["data"][0]["embedding"], batch["data"][1]["embedding"])
        by_ids = self.embed(input=ids)
        one = self.embed(input=ids[1])
        for i in range(4):
            self.assert_close(batch["data"][i]["embedding"], by_ids["data"][i]["embedding"])
        self.assert_close(batch["data"][1]["embedding"], one["data"][0]["embedding"])

    def test_69_dimensions(self):
        whole = self.embed(input="a b c")["data"][0]["embedding"]
        part = self.embed(input="a b c", dimensions=16)["data"][0]["embedding"]
        self.assertEqual(len(part), 16)
        self.assert_close(part, unit(whole[:16]))
        self.assert_error(self.client.post("/v1/embeddings", {"input": "a", "dimensions": len(whole) + 1}), 400,
                          param="dimensions")

    def test_69_a_conversation_with_a_picture(self):
        reply = self.embed(messages=serving.look())
        self.assertEqual(len(reply["data"]), 1)
        self.assertGreater(reply["usage"]["prompt_tokens_details"]["image_tokens"], 0)
        other = self.embed(messages=serving.look(name="line-zh.png"))
        self.assertNotEqual(reply["data"][0]["embedding"], other["data"][0]["embedding"])
        again = self.embed(messages=serving.look())
        self.assertGreater(again["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
        self.assert_close(reply["data"][0]["embedding"], again["data"][0]["embedding"])

    def test_69_more_inputs_than_the_queue_holds(self):
        reply = self.embed(input=[f"{i} and more" for i in range(700)], dimensions=2)
        self.assertEqual([row["index"] for row in reply["data"]], list(range(700)))

    def test_69_beside_answers(self):
        alone = [self.embed(input=f"text {i}")["data"][0]["embedding"] for i in range(8)]
        answer = self.text(self.client.chat(serving.look(), max_tokens=64))
        texts, failures = [], []

        def look():
            texts.append(self.text(self.client.chat(serving.look(), max_tokens=64)))

        def embed(i):
            try:
                self.assert_close(self.embed(input=f"text {i}")["data"][0]["embedding"], alone[i])
            except AssertionError as error:
                failures.append(error)

        threads = [threading.Thread(target=look) for _ in range(4)]
        threads += [threading.Thread(target=embed, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(set(texts), {answer})
        self.assertEqual(len(texts), 4)

    def test_69_refusals(self):
        for body, param in (({}, "input"), ({"input": ""}, "input"), ({"input": ["a", 3]}, "input[1]"),
                            ({"input": "a", "encoding_format": "ubinary"}, "encoding_format"),
                            ({"input": "a", "messages": []}, "input"), ({"input": "a", "model": "gpt-none"}, "model")):
            self.assert_error(self.client.post("/v1/embeddings", body), 404 if param == "model" else 400, param=param)
        self.assert_error(self.client.post("/v1/embeddings", {"input": ["a", "word " * 9000]}), 400,
                          "context_length_exceeded", "input")

    def assert_close(self, a, b):
        """One step's kernel may add up in another order than another's."""
        self.assertEqual(len(a), len(b))
        self.assertGreater(sum(x * y for x, y in zip(unit(a), unit(b), strict=True)), 0.999)


class EmbeddingParity(case.Case):
    """The random model of tests/golden in float32."""

    program = None

    @classmethod
    def setUpClass(cls):
        flags = ("--model", str(GOLDEN), "--compute", "f32", "--served-model-name", "golden")
        cls.client = serving.Client(cls.enterClassContext(serving.server(cls.program, *flags)))

    def assert_is_last_state(self, reply, name):
        embedding = self.good(reply)["data"][0]["embedding"]
        _, states = golden(name, "lm.final_norm")
        for ours, theirs in zip(embedding, unit(states[-len(embedding):]), strict=True):
            self.assertAlmostEqual(ours, theirs, delta=5e-5)

    def test_69_tokens_as_transformers(self):
        _, ids = golden("text", "in.input_ids")
        self.assert_is_last_state(self.client.post("/v1/embeddings", {"input": list(ids)}), "text")

    def test_69_messages_as_transformers(self):
        messages = [{"role": "user", "content": "Hello, what can you do?"}]
        self.assert_is_last_state(self.client.post("/v1/embeddings", {"messages": messages}), "text")

    def test_69_a_picture_as_transformers(self):
        messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": golden_picture("wide")}},
                                                 {"type": "text", "text": "Describe this."}]}]
        self.assert_is_last_state(self.client.post("/v1/embeddings", {"messages": messages}), "image")
