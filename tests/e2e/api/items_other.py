# SPDX-License-Identifier: Apache-2.0
"""Items 67-76: the other routes."""

import json
import re

import case
import serving

EVENTS = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
          "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done",
          "response.completed"]


class Completions(case.Case):
    def test_67_prompts(self):
        ids = self.good(self.client.post("/tokenize", {"prompt": "The small"}))["tokens"]
        texts = set()
        for prompt in ("The small", ids, ["The small"], [ids]):
            reply = self.good(self.client.post("/v1/completions", {"prompt": prompt, "max_tokens": 4}))
            self.assertRegex(reply["id"], "^cmpl-")
            self.assertEqual(reply["object"], "text_completion")
            texts.add(reply["choices"][0]["text"])
        self.assertEqual(len(texts), 1)
        many = self.good(self.client.post("/v1/completions", {"prompt": ["a", "b"], "n": 2, "max_tokens": 2}))
        self.assertEqual([choice["index"] for choice in many["choices"]], [0, 1, 2, 3])

    def test_67_echo_suffix_logprobs_stream(self):
        echo = self.good(self.client.post("/v1/completions", {"prompt": "The small", "max_tokens": 2, "echo": True}))
        self.assertTrue(echo["choices"][0]["text"].startswith("The small"))
        self.assert_error(self.client.post("/v1/completions", {"prompt": "a", "suffix": "b"}), 400, param="suffix")
        reply = self.good(self.client.post("/v1/completions", {"prompt": "The small", "logprobs": 2, "max_tokens": 3}))
        logprobs = reply["choices"][0]["logprobs"]
        self.assertEqual(set(logprobs), {"tokens", "token_logprobs", "top_logprobs", "text_offset"})
        body = {"prompt": "The small", "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True}}
        stream = self.client.post("/v1/completions", body)
        self.assertEqual("".join(c["text"] for chunk in stream.chunks for c in chunk["choices"]), reply["choices"][0]["text"])
        self.assertEqual(stream.events[-1], "[DONE]")
        self.assertEqual(stream.chunks[-1]["choices"], [])


class Responses(case.Case):
    def items(self):
        return [{"role": "user", "content": [{"type": "input_image", "image_url": serving.picture()},
                                             {"type": "input_text", "text": serving.QUESTION}]}]

    def test_68_object(self):
        reply = self.good(self.client.post("/v1/responses", {"input": self.items(), "max_output_tokens": 64}))
        self.assertRegex(reply["id"], "^resp_")
        self.assertEqual((reply["object"], reply["status"], reply["store"]), ("response", "completed", False))
        self.assertEqual(reply["output"][0]["content"][0]["text"], serving.ANSWER)
        self.assertGreater(reply["usage"]["input_tokens"], 0)
        self.good(self.client.post("/v1/responses", {"input": "hi", "instructions": "be brief", "max_output_tokens": 4}))
        self.assert_error(self.client.post("/v1/responses", {"input": "hi", "previous_response_id": "resp_1"}), 400,
                          param="previous_response_id")

    def test_68_events(self):
        reply = self.client.post("/v1/responses", {"input": self.items(), "max_output_tokens": 64, "stream": True})
        self.assertEqual(reply.status, 200)
        self.assertNotIn(b"[DONE]", reply.body)
        events = reply.chunks
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        order = [event["type"] for event in events]
        self.assertEqual(list(dict.fromkeys(order)), EVENTS)
        self.assertEqual("".join(event["delta"] for event in events if event["type"] == EVENTS[4]), serving.ANSWER)
        self.assertEqual(re.findall(r"^event: (.*)$", reply.body.decode(), re.MULTILINE), order)

    def test_68_tools(self):
        tools = [{"type": "function", "name": "add", "parameters": {"type": "object", "properties": {"a": {"enum": [1, 2]}},
                                                                    "required": ["a"], "additionalProperties": False}}]
        body = {"input": "hi", "tools": tools, "tool_choice": {"type": "function", "name": "add"}, "max_output_tokens": 400}
        reply = self.good(self.client.post("/v1/responses", body))
        call = reply["output"][-1]
        self.assertEqual((call["type"], call["name"]), ("function_call", "add"))
        self.assertIn(json.loads(call["arguments"])["a"], (1, 2))


class Others(case.Case):
    def test_71_tokenize_and_back(self):
        for path in ("/tokenize", "/v1/tokenize"):
            reply = self.good(self.client.post(path, {"prompt": "The small model", "return_token_strs": True}))
            self.assertEqual(reply["count"], len(reply["tokens"]))
            self.assertEqual("".join(reply["token_strs"]), "The small model")
            self.assertEqual(reply["max_model_len"], 4096)
        back = self.good(self.client.post("/detokenize", {"tokens": reply["tokens"]}))
        self.assertEqual(back["prompt"], "The small model")
        chat = self.good(self.client.post("/tokenize", {"messages": serving.look()}))
        ran = self.good(self.client.chat(serving.look(), max_tokens=1))["usage"]
        self.assertEqual(chat["count"], ran["prompt_tokens"])
        self.assertEqual(chat["image_tokens"], ran["prompt_tokens_details"]["image_tokens"])

    def test_estimate_before_it_is_run(self):
        estimate = self.good(self.client.post("/v1/estimate", {"messages": serving.look(), "max_tokens": 8}))
        ran = self.good(self.client.chat(serving.look(), max_tokens=8))["usage"]
        self.assertEqual(estimate["prompt_tokens"], ran["prompt_tokens"])
        self.assertEqual(estimate["image_tokens"], ran["prompt_tokens_details"]["image_tokens"])
        self.assertEqual(set(estimate["images"][0]), {"width", "height", "sent_width", "sent_height", "tokens"})
        self.assertEqual(set(estimate["predicted_ms"]), {"vision", "prefill", "decode_per_token"})
        self.assertGreater(estimate["kv_bytes"], 0)
        self.assertTrue(estimate["fits"])

    def test_72_health(self):
        health = self.client.get("/health")
        self.assertEqual(self.good(health)["status"], "ok")
        self.assertIn("waiting", health.json["queue"])
        for path in ("/ping", "/ready", "/live"):
            self.assertEqual(self.client.get(path).status, 200, path)

    def test_73_version_and_load(self):
        self.assertTrue(self.good(self.client.get("/version"))["version"])
        self.good(self.client.get("/v1/load"))

    def test_74_metrics(self):
        self.good(self.client.chat("hi"))
        page = self.client.get("/metrics")
        self.assertIn("text/plain", page.headers["content-type"])
        text = page.body.decode()
        samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        model = self.good(self.client.get("/v1/models"))["data"][0]["id"]
        labels = f'model_name="{model}",engine="0"'
        self.assertGreater(float(samples[f"vllm:prompt_tokens_total{{{labels}}}"]), 0)
        self.assertGreater(float(samples[f"vllm:generation_tokens_total{{{labels}}}"]), 0)
        self.assertGreater(float(samples[f"vllm:time_to_first_token_seconds_count{{{labels}}}"]), 0)
        self.assertGreater(float(samples[f"vllm:iteration_tokens_total_count{{{labels}}}"]), 0)
        self.assertIn(f"vllm:kv_cache_usage_perc{{{labels}}}", samples)

    def test_75_openapi(self):
        document = self.good(self.client.get("/openapi.json"))
        self.assertTrue(document["openapi"].startswith("3."))
        self.assertIn("/v1/chat/completions", document["paths"])

    def test_76_routes_that_do_not_exist(self):
        for path in ("/v1/audio/speech", "/v1/images/generations", "/v1/fine_tuning/jobs", "/v1/assistants", "/v1/nonsense"):
            self.assert_error(self.client.post(path, {}), 404)
