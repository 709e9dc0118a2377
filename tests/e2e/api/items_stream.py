# SPDX-License-Identifier: Apache-2.0
"""Items 51-64: streams."""

import json
import time

import case
import serving
from items_chat import TOOLS


class Streams(case.Case):
    def stream(self, messages=None, **fields):
        return self.client.chat(messages or serving.look(), **{"max_tokens": 64, "stream": True, **fields})

    def test_51_headers_and_frames(self):
        reply = self.stream()
        self.assertEqual(reply.headers["content-type"], "text/event-stream; charset=utf-8")
        self.assertEqual(reply.headers["cache-control"], "no-cache")
        self.assertEqual(reply.headers["x-accel-buffering"], "no")
        self.assertIsNone(reply.headers["content-length"])
        self.assertNotIn(b"\r", reply.body)
        self.assertEqual(reply.events[-1], "[DONE]")

    def test_52_admission_errors_keep_their_status(self):
        self.assert_error(self.stream(max_tokens=10**6), 400, "context_length_exceeded")
        first = self.stream().chunks[0]["choices"][0]
        self.assertEqual((first["delta"]["role"], first["delta"]["content"]), ("assistant", ""))

    def test_53_chunks_of_one_reply(self):
        reply = self.stream()
        self.assertEqual(self.streamed(reply), serving.ANSWER)
        for key in ("id", "created", "model", "object"):
            self.assertEqual(len({chunk[key] for chunk in reply.chunks}), 1)
        self.assertEqual(reply.chunks[0]["object"], "chat.completion.chunk")
        last = reply.chunks[-1]["choices"][0]
        self.assertEqual((last["delta"], last["finish_reason"]), ({}, "stop"))
        self.assertTrue(all("usage" not in chunk for chunk in reply.chunks))

    def test_54_include_usage(self):
        chunks = self.stream(stream_options={"include_usage": True}).chunks
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertGreater(chunks[-1]["usage"]["completion_tokens"], 0)
        self.assertGreater(chunks[-1]["timing_ms"]["first_token"], 0)
        self.assertTrue(all(chunk["usage"] is None for chunk in chunks[:-1]))

    def test_55_continuous_usage(self):
        chunks = self.stream(stream_options={"include_usage": True, "continuous_usage_stats": True}).chunks
        counts = [chunk["usage"]["completion_tokens"] for chunk in chunks]
        self.assertEqual(counts, sorted(counts))
        self.assertGreater(counts[-2], counts[1])

    def test_56_characters_are_never_split(self):
        messages = serving.look("读出图中的文字。", "line-zh.png")
        reply = self.stream(messages)
        self.assertEqual(self.streamed(reply), "这个程序能读出图中的文字。")
        self.assertNotIn("\ufffd", reply.body.decode())
        # Sampled at random, bytes of characters come in any order; each piece is still whole text.
        for seed in range(8):
            text = self.streamed(self.stream(messages, temperature=2, seed=seed, max_tokens=48))
            self.assertEqual(text, self.text(self.client.chat(messages, temperature=2, seed=seed, max_tokens=48)))

    def test_57_stop_strings_leak_nothing(self):
        reply = self.stream(stop=["model reads"])
        self.assertEqual(self.streamed(reply), "The small ")
        self.assertNotIn(b"model r", reply.body.split(b'"model":', 1)[0])
        self.assertEqual(reply.chunks[-1]["choices"][0]["finish_reason"], "stop")

    def test_59_several_answers(self):
        texts = {}
        reply = self.stream(n=3)
        for chunk in reply.chunks:
            for choice in chunk["choices"]:
                texts[choice["index"]] = texts.get(choice["index"], "") + (choice["delta"].get("content") or "")
        self.assertEqual(texts, {0: serving.ANSWER, 1: serving.ANSWER, 2: serving.ANSWER})

    def test_60_tool_calls(self):
        reply = self.stream("weather?", tools=TOOLS, max_tokens=400,
                            tool_choice={"type": "function", "function": {"name": "get_weather"}})
        deltas = [call for chunk in reply.chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", [])]
        self.assertEqual(deltas[0]["function"]["name"], "get_weather")
        self.assertEqual((deltas[0]["index"], deltas[0]["type"]), (0, "function"))
        self.assertTrue(deltas[0]["id"])
        for delta in deltas[1:]:
            self.assertEqual(set(delta), {"index", "function"})
            self.assertEqual(set(delta["function"]), {"arguments"})
        self.assertIn("city", json.loads("".join(delta["function"]["arguments"] for delta in deltas)))
        self.assertEqual(reply.chunks[-1]["choices"][0]["finish_reason"], "tool_calls")
        self.assertNotIn("tool_call>", self.streamed(reply))

    def test_61_logprobs(self):
        reply = self.stream(logprobs=True, top_logprobs=2)
        tokens = [token for chunk in reply.chunks for choice in chunk["choices"] if choice["logprobs"]
                  for token in choice["logprobs"]["content"]]
        self.assertEqual(bytes(b for token in tokens for b in token["bytes"]).decode(), serving.ANSWER)

    def test_63_a_client_that_leaves_frees_everything(self):
        body = json.dumps({"messages": serving.look(), "stream": True, "max_tokens": 3000, "ignore_eos": True})
        for read in (0, 200):
            link = self.client.connect()
            link.request("POST", "/v1/chat/completions", body)
            if read:
                link.getresponse().read(read)
            link.close()
            link.sock and link.sock.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            status = self.good(self.client.get("/ui/status"))
            if status["queue"]["running"] == 0 and status["kv_blocks"]["used"] == 0:
                return
            time.sleep(0.05)
        self.fail(status)
