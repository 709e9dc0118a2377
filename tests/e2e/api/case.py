# SPDX-License-Identifier: Apache-2.0
"""What the item tests share: the running server and how a refusal looks."""

import unittest


class Case(unittest.TestCase):
    client = None

    def assert_error(self, reply, status, code=None, param=None):
        self.assertEqual(reply.status, status, reply.body[:300])
        self.assertEqual(set(reply.json), {"error"})
        self.assertEqual(set(reply.error), {"message", "type", "param", "code"})
        self.assertTrue(reply.error["message"])
        self.assertIn("application/json", reply.headers["content-type"])
        names = [name.lower() for name in reply.headers.keys()]
        self.assertEqual(sorted(set(names)), sorted(names), "a header that comes twice")
        if code is not None:
            self.assertEqual(reply.error["code"], code)
        if param is not None:
            self.assertEqual(reply.error["param"], param)

    def good(self, reply):
        self.assertEqual(reply.status, 200, reply.body[:300])
        return reply.json

    def text(self, reply):
        return self.good(reply)["choices"][0]["message"]["content"]

    def streamed(self, reply):
        self.assertEqual(reply.status, 200, reply.body[:300])
        return "".join(choice["delta"].get("content") or "" for chunk in reply.chunks for choice in chunk["choices"])
