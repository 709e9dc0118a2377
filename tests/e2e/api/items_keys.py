# SPDX-License-Identifier: Apache-2.0
"""Items 2 and 3: a server that wants keys. Starts its own."""

import pathlib
import tempfile

import case
import serving

KEY = "sk-0123456789abcdef0123"


class Keys(case.Case):
    program = None

    @classmethod
    def setUpClass(cls):
        scratch = cls.enterClassContext(tempfile.TemporaryDirectory())
        keys = pathlib.Path(scratch) / "keys"
        keys.write_text(f"# for tests\nalice: {KEY}\n", encoding="utf-8")
        cls.client = serving.Client(cls.enterClassContext(serving.server(cls.program, "--api-key-file", str(keys))))

    def test_02_every_header_on_every_route(self):
        routes = [("GET", "/v1/models", None), ("GET", "/models/monocle-demo", None), ("GET", "/metrics", None),
                  ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}),
                  ("POST", "/v1/completions", {"prompt": "a", "max_tokens": 1}),
                  ("POST", "/v1/responses", {"input": "a", "max_output_tokens": 1}), ("POST", "/tokenize", {"prompt": "a"}),
                  ("POST", "/v1/embeddings", {"input": "a"}),
                  ("POST", "/detokenize", {"tokens": [1]}), ("GET", "/ui/status", None),
                  ("POST", "/v1/estimate", {"messages": [{"role": "user", "content": "hi"}]})]
        for method, path, body in routes:
            for headers in ({"Authorization": f"Bearer {KEY}"}, {"api-key": KEY}, {"x-api-key": KEY}):
                self.assertEqual(self.client.send(method, path, body, headers).status, 200, (path, headers))
            for headers in ({}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Basic {KEY}"}, {"api-key": KEY[:-1]},
                            {"x-api-key": "sk-wrong-wrong-wrong"}):
                self.assert_error(self.client.send(method, path, body, headers), 401, "invalid_api_key")

    def test_03_the_error_object(self):
        error = self.client.get("/v1/models").error
        self.assertEqual((error["type"], error["param"], error["code"]), ("invalid_request_error", None, "invalid_api_key"))
        self.assertNotIn(KEY, str(self.client.get("/v1/models", **{"api-key": KEY + "x"}).body))

    def test_72_health_needs_no_key(self):
        for path in ("/health", "/ping", "/ready", "/live"):
            self.assertEqual(self.client.get(path).status, 200, path)
