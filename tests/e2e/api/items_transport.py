# SPDX-License-Identifier: Apache-2.0
"""Items 1-19: transport, errors, models."""

import gzip
import json
import socket
import urllib.parse

import case


class Transport(case.Case):
    def test_01_with_and_without_v1_and_trailing_slash(self):
        for path in ("/v1/models", "/models", "/v1/models/", "/models/"):
            self.assertEqual(self.client.get(path).status, 200, path)
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
        for path in ("/v1/chat/completions", "/chat/completions", "/v1/chat/completions/"):
            self.assertEqual(self.client.post(path, body).status, 200, path)

    def test_04_param_is_the_json_path(self):
        messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
        self.assert_error(self.client.chat(messages), 400, param="messages[2].content[0].image_url.url")

    def test_05_statuses(self):
        self.assert_error(self.client.chat("hi", temperature="hot"), 400, param="temperature")
        self.assert_error(self.client.chat("hi", model="gpt-none"), 404, "model_not_found", "model")
        self.assert_error(self.client.get("/v1/models/gpt-none"), 404, "model_not_found")
        self.assert_error(self.client.get("/v1/models/%07"), 400)
        self.assert_error(self.client.get("/v1/models/" + "x" * 9000), 414)
        self.assert_error(self.client.post("/v1/detokenize", "[" * (16 << 20)), 413)

    def test_06_context_length(self):
        limit = self.good(self.client.get("/v1/models"))["data"][0]["max_model_len"]
        for fields in ({"messages": "word " * limit}, {"messages": "hi", "max_tokens": limit + 1}):
            reply = self.client.chat(**fields)
            self.assert_error(reply, 400, "context_length_exceeded")
            self.assertRegex(reply.error["message"], rf"maximum context length is {limit} tokens.*you requested \d+")

    def test_07_unknown_fields_ignored_wrong_types_refused(self):
        self.assertEqual(self.client.chat("hi", vendor={"a": 1}, unknown=[]).status, 200)
        for field, value in {"stream": "yes", "n": [], "stop": 5, "logprobs": 1, "tools": "x"}.items():
            self.assert_error(self.client.chat("hi", **{field: value}), 400, param=field)

    def test_08_malformed_json(self):
        reply = self.client.post("/v1/chat/completions", '{"messages": oops}')
        self.assert_error(reply, 400)
        self.assertIn("byte 13", reply.error["message"])
        self.assert_error(self.client.post("/v1/chat/completions", '{"a":' * 65 + "1" + "}" * 65), 400)
        self.assert_error(self.client.post("/v1/chat/completions", ""), 400)
        twice = '{"messages":[],"max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
        self.assertEqual(self.client.post("/v1/chat/completions", twice).status, 200)

    def test_09_methods_and_content_types(self):
        for method, path in (("GET", "/v1/chat/completions"), ("POST", "/v1/models"), ("DELETE", "/v1/models")):
            reply = self.client.send(method, path, "{}" if method == "POST" else None)
            self.assert_error(reply, 405)
            self.assertTrue(reply.headers["allow"])
        for path in ("/health", "/live", "/ready", "/ping", "/metrics", "/"):
            for method in ("TRACE", "POST", "DELETE"):
                reply = self.client.send(method, path, "{}" if method == "POST" else None)
                self.assert_error(reply, 405)
                self.assertEqual(reply.headers["allow"], "OPTIONS, GET, HEAD", path)
            self.assertEqual(self.client.send("OPTIONS", path).status, 204, path)
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
        for kind, status in (("text/plain", 415), ("multipart/form-data; boundary=x", 415), ("application/json", 200),
                             ("application/json; charset=utf-8", 200)):
            reply = self.client.send("POST", "/v1/chat/completions", body, {"Content-Type": kind})
            self.assertEqual(reply.status, status, kind)

    def test_10_request_id_and_friends(self):
        reply = self.client.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1},
                                 **{"x-request-id": "mine-1"})
        self.assertEqual(reply.headers["x-request-id"], "mine-1")
        self.assertTrue(reply.headers["openai-version"])
        self.assertGreaterEqual(int(reply.headers["openai-processing-ms"]), 0)
        self.assertTrue(self.client.get("/v1/models").headers["x-request-id"])
        self.assertTrue(self.client.chat("hi", n=99).headers["x-request-id"])

    def test_11_head_options_and_no_cors(self):
        head = self.client.send("HEAD", "/v1/models")
        self.assertEqual((head.status, head.body), (200, b""))
        options = self.client.send("OPTIONS", "/v1/chat/completions")
        self.assertIn(options.status, (200, 204))
        self.assertIn("POST", options.headers["allow"])
        for reply in (head, options, self.client.get("/v1/models")):
            self.assertIsNone(reply.headers["access-control-allow-origin"])
        self.assertEqual(self.client.get("/v1/models", Origin="http://evil.example").status, 403)

    def raw(self, *pieces):
        """Bytes out, all bytes in until the server closes or is silent for a second."""
        with socket.create_connection((self.client.host, int(self.client.port)), 60) as link:
            received = b""
            for piece in pieces:
                link.sendall(piece)
            link.settimeout(10)
            try:
                while block := link.recv(65536):
                    received += block
                    link.settimeout(1)
            except TimeoutError:
                pass
            return received

    def body(self):
        return json.dumps({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}).encode()

    def request(self, *extra, version="1.1", body=None, length=None):
        body = self.body() if body is None else body
        lines = [f"POST /v1/chat/completions HTTP/{version}", f"Host: {self.client.host}:{self.client.port}",
                 f"Content-Length: {len(body) if length is None else length}", *extra]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def test_12_expect_100_continue(self):
        head = self.request("Expect: 100-continue", body=b"", length=len(self.body()))
        with socket.create_connection((self.client.host, int(self.client.port)), 60) as link:
            link.sendall(head)
            self.assertTrue(link.recv(100).startswith(b"HTTP/1.1 100"))
            link.sendall(self.body())
            self.assertTrue(link.recv(100).startswith(b"HTTP/1.1 200"))

    def test_13_gzip_bodies_accepted_or_415(self):
        packed = gzip.compress(self.body())
        self.assertRegex(self.raw(self.request("Content-Encoding: gzip", "Connection: close", body=packed)).decode("latin-1"),
                         r"^HTTP/1.1 (200|415)")

    def test_14_http_1_0_gets_a_plain_reply(self):
        reply = self.raw(self.request(version="1.0"))
        self.assertTrue(reply.startswith(b"HTTP/1."), reply[:80])
        self.assertNotIn(b"transfer-encoding: chunked", reply.lower())
        self.assertIn(b"chat.completion", reply)

    def test_15_pipelined_and_alive_after_an_error(self):
        replies = self.raw(self.request(body=b"{oops") + self.request() + self.request("Connection: close"))
        self.assertEqual(replies.count(b"HTTP/1.1 400"), 1)
        self.assertEqual(replies.count(b"HTTP/1.1 200"), 2)


class Models(case.Case):
    def test_16_list(self):
        reply = self.good(self.client.get("/v1/models"))
        self.assertEqual(reply["object"], "list")
        model = reply["data"][0]
        self.assertEqual(model["object"], "model")
        self.assertIsInstance(model["created"], int)
        self.assertTrue(model["owned_by"])

    def test_17_retrieve(self):
        model = self.good(self.client.get("/v1/models"))["data"][0]
        for name in (model["id"], urllib.parse.quote(model["id"], safe="")):
            self.assertEqual(self.good(self.client.get("/v1/models/" + name)), model)
        self.assert_error(self.client.get("/v1/models/org/none"), 404, "model_not_found")
        self.assert_error(self.client.get("/v1/models/org%2Fnone"), 404, "model_not_found")

    def test_18_extras(self):
        model = self.good(self.client.get("/v1/models"))["data"][0]
        self.assertEqual(model["permission"], [])
        self.assertEqual(model["max_model_len"], 4096)
        self.assertEqual(model["capabilities"], {"image": True, "video": True, "pdf": False})
        self.assertTrue(model["demo"])

    def test_19_the_model_may_be_left_out(self):
        name = self.good(self.client.get("/v1/models"))["data"][0]["id"]
        for fields in ({}, {"model": ""}, {"model": None}, {"model": name}):
            self.assertEqual(self.good(self.client.chat("hi", **fields))["model"], name)
