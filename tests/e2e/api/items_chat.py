# SPDX-License-Identifier: Apache-2.0
"""Items 39-50: sampling, formats, tools."""

import json
import re

import case
import serving

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}, "celsius": {"type": "boolean"}},
    "required": ["city", "celsius"], "additionalProperties": False}}},
    {"type": "function", "function": {"name": "stop", "parameters": {"type": "object", "properties": {}}}}]
SCHEMA = {"type": "object", "properties": {"shape": {"enum": ["circle", "star"]}, "filled": {"type": "boolean"}},
          "required": ["shape", "filled"], "additionalProperties": False}


class Sampling(case.Case):
    def test_39_the_same_seed_gives_the_same_text(self):
        def sample(seed):
            return self.text(self.client.chat("hi", max_tokens=16, temperature=2, seed=seed, top_p=1, top_k=0))

        self.assertEqual(sample(1), sample(1))
        self.assertGreater(len({sample(seed) for seed in range(8)}), 2)

    def test_39_every_parameter_is_taken(self):
        self.good(self.client.chat("hi", temperature=0.5, top_p=0.9, top_k=10, min_p=0.05, presence_penalty=1,
                                   frequency_penalty=1, repetition_penalty=1.1))

    def test_39_stop(self):
        reply = self.good(self.client.chat(serving.look(), max_tokens=64, stop=["model"]))
        self.assertEqual(reply["choices"][0]["message"]["content"], "The small ")
        self.assertEqual(reply["choices"][0]["finish_reason"], "stop")
        kept = self.client.chat(serving.look(), max_tokens=64, stop="model", include_stop_str_in_output=True)
        self.assertEqual(self.text(kept), "The small model")
        self.assert_error(self.client.chat("hi", stop=["x"] * 17), 400, param="stop")

    def test_40_max_tokens(self):
        reply = self.good(self.client.chat(serving.look(), max_tokens=5, max_completion_tokens=3))
        self.assertEqual(reply["usage"]["completion_tokens"], 3)
        for field in ("max_tokens", "max_completion_tokens"):
            for value in (0, -1):
                self.assert_error(self.client.chat("hi", **{field: value}), 400, param=field)

    def test_41_n(self):
        reply = self.good(self.client.chat(serving.look(), n=3, max_tokens=64))
        self.assertEqual([choice["index"] for choice in reply["choices"]], [0, 1, 2])
        self.assertEqual({choice["message"]["content"] for choice in reply["choices"]}, {serving.ANSWER})
        for value in (0, 17, 1000000):
            self.assert_error(self.client.chat("hi", n=value), 400, param="n")

    def test_42_logit_bias(self):
        first = self.good(self.client.chat(serving.look(), max_tokens=1, logprobs=True))
        token = first["choices"][0]["logprobs"]["content"][0]["token"]
        ids = self.good(self.client.post("/tokenize", {"prompt": token}))["tokens"]
        banned = self.good(self.client.chat(serving.look(), max_tokens=1, logit_bias={str(i): -100 for i in ids}))
        self.assertNotEqual(banned["choices"][0]["message"]["content"], token)
        self.assert_error(self.client.chat("hi", logit_bias={"x": 1}), 400, param="logit_bias")
        self.assert_error(self.client.chat("hi", logit_bias={"1": 101}), 400, param="logit_bias.1")

    def test_43_logprobs(self):
        reply = self.good(self.client.chat(serving.look(), max_tokens=64, logprobs=True, top_logprobs=3))
        tokens = reply["choices"][0]["logprobs"]["content"]
        self.assertEqual(bytes(b for token in tokens for b in token["bytes"]).decode(), serving.ANSWER)
        for token in tokens:
            self.assertLessEqual(token["logprob"], 0)
            self.assertEqual(len(token["top_logprobs"]), 3)
            self.assertEqual(token["top_logprobs"][0]["token"], token["token"])
        self.assert_error(self.client.chat("hi", logprobs=True, top_logprobs=21), 400, param="top_logprobs")

    def test_46_template_arguments(self):
        self.good(self.client.chat("hi", chat_template_kwargs={"add_vision_id": True}))
        self.assert_error(self.client.chat("hi", chat_template_kwargs={"chat_template": "{{x}}"}), 400,
                          param="chat_template_kwargs.chat_template")

    def test_47_continue_final_message(self):
        # One letter, because this model writes letter by letter.
        messages = [*serving.look(), {"role": "assistant", "content": serving.ANSWER[0]}]
        reply = self.client.chat(messages, max_tokens=64, continue_final_message=True, add_generation_prompt=False)
        self.assertEqual(self.text(reply), serving.ANSWER[1:])

    def test_49_priority_and_ignore_eos(self):
        reply = self.good(self.client.chat(serving.look(), max_tokens=40, ignore_eos=True, priority=1))
        self.assertEqual(reply["choices"][0]["finish_reason"], "length")
        self.assertEqual(reply["usage"]["completion_tokens"], 40)


class Formats(case.Case):
    def test_44_json_schema_is_kept(self):
        forms = ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}},
                 {"guided_json": SCHEMA}, {"structured_outputs": {"json": SCHEMA}})
        for form in forms:
            # Enough for the white space that a grammar lets a model write: at most 32 in each of eight places.
            value = json.loads(self.text(self.client.chat("hi", max_tokens=320, **form)))
            self.assertIn(value["shape"], ("circle", "star"))
            self.assertIsInstance(value["filled"], bool)

    def test_44_json_object(self):
        reply = self.good(self.client.chat("hi", max_tokens=200, response_format={"type": "json_object"}))
        if reply["choices"][0]["finish_reason"] == "stop":
            self.assertIsInstance(json.loads(reply["choices"][0]["message"]["content"]), dict)

    def test_44_regex_choice_grammar(self):
        self.assertRegex(self.text(self.client.chat("hi", max_tokens=32, guided_regex="[a-f]{3}-[0-9]{2}")),
                         re.compile(r"^[a-f]{3}-[0-9]{2}$"))
        self.assertIn(self.text(self.client.chat("hi", max_tokens=32, guided_choice=["left", "right"])), ("left", "right"))
        self.assertIn(self.text(self.client.chat("hi", max_tokens=32, guided_grammar='root ::= "yes" | "no"')), ("yes", "no"))

    def test_44_what_cannot_be_enforced_is_refused(self):
        self.assert_error(self.client.chat("hi", guided_regex="(((("), 400, param="guided_regex")
        self.assert_error(self.client.chat("hi", guided_grammar="root ::= "), 400, param="guided_grammar")
        self.assert_error(self.client.chat("hi", response_format={"type": "xml"}), 400, param="response_format.type")


class Tools(case.Case):
    def calls(self, **fields):
        reply = self.good(self.client.chat("weather?", tools=TOOLS, max_tokens=400, **fields))
        choice = reply["choices"][0]
        self.assertEqual(choice["finish_reason"], "tool_calls")
        self.assertIsNone(choice["message"]["content"])
        return choice["message"]["tool_calls"]

    def test_45_required_and_named(self):
        for call in self.calls(tool_choice="required", parallel_tool_calls=False):
            self.assertEqual(call["type"], "function")
            self.assertRegex(call["id"], "^call_")
            self.assertIn(call["function"]["name"], ("get_weather", "stop"))
            json.loads(call["function"]["arguments"])
        named = self.calls(tool_choice={"type": "function", "function": {"name": "get_weather"}})
        self.assertEqual(len(named), 1)
        arguments = json.loads(named[0]["function"]["arguments"])
        self.assertIn(arguments["city"], ("Paris", "Rome"))
        self.assertIsInstance(arguments["celsius"], bool)

    def test_45_none_and_auto_answer_in_text(self):
        for choice in ("none", "auto"):
            self.assertEqual(self.client.chat("hi", tools=TOOLS, tool_choice=choice).status, 200)
        self.assert_error(self.client.chat("hi", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "x"}}), 400,
                          param="tool_choice.function.name")

    def test_45_results_of_tools(self):
        call = {"id": "c1", "type": "function", "function": {"name": "stop", "arguments": "{}"}}
        messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c1", "content": [
                        {"type": "text", "text": "done"}, {"type": "image_url", "image_url": {"url": serving.picture()}}]}]
        reply = self.good(self.client.chat(messages, tools=TOOLS))
        self.assertGreater(reply["usage"]["prompt_tokens_details"]["image_tokens"], 0)
