#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""security_test.py PROGRAM [unittest arguments]: what strangers send, against the running server with the demo model: addresses it
must not call, control tokens in text, grammars made to exhaust it, requests of other sites. Loopback, standard library only; the
table in README.md names the other half of these tests."""

import contextlib
import json
import os
import pathlib
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "api"))
import case  # noqa: E402
import serving  # noqa: E402


class Trap:
    """Listens on both loopbacks and counts who comes."""

    def __init__(self):
        self.calls = 0
        self.port = 0
        self.sockets = []
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, self.port))
            except OSError:
                continue  # no IPv6 here
            self.port = listener.getsockname()[1]
            listener.listen(64)
            self.sockets.append(listener)
            threading.Thread(target=self.serve, args=(listener,), daemon=True).start()

    def serve(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.calls += 1
                connection.close()


def addresses(port):
    """60 ways to write an address that a careless server would call or read."""
    hosts = ["127.0.0.1", "localhost", "LOCALHOST", "localhost.", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "0177.1",
             "127.1", "127.0.1", "127.00.00.01", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]",
             "[::]", "127.0.0.1%00.example.com", "①②⑦.0.0.1", "127。0。0。1", "example.com@127.0.0.1", "user:pass@127.0.0.1",
             "127.0.0.1#@example.com", "127.0.0.1?@example.com", "example.com\\@127.0.0.1", "localtest.me", "127.0.0.1.nip.io",
             "169.254.169.254"]
    urls = [f"http://{host}:{port}/a.png" for host in hosts]
    urls += [f"{scheme}://127.0.0.1:{port}/a.png" for scheme in ("https", "HTTP", "hTTp", "ftp", "gopher", "dict", "ldap", "tftp",
                                                                 "ws", "wss", "jar:http", "view-source:http", "s3", "data+http")]
    urls += [f"//127.0.0.1:{port}/a.png", f"\\\\127.0.0.1:{port}\\a.png", f"http:/\\127.0.0.1:{port}/a.png",
             f"http:\\\\127.0.0.1:{port}/a.png", f" http://127.0.0.1:{port}/a.png", f"\thttp://127.0.0.1:{port}/a.png",
             f"http://127.0.0.1:{port}\r\nHost: x/a.png", f"http:127.0.0.1:{port}/a.png", f"http:///127.0.0.1:{port}/a.png",
             "file:///etc/passwd", "file://localhost/etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "/etc/passwd",
             "unix:///run/docker.sock", "../../models/demo/samples/line-en.png"]
    return urls


class Addresses(case.Case):
    """K: nothing is fetched, whatever the address looks like."""

    def bodies(self, url):
        part = {"type": "image_url", "image_url": {"url": url}}
        messages = [{"role": "user", "content": [part, {"type": "text", "text": "hi"}]}]
        yield "/v1/chat/completions", {"messages": messages, "max_tokens": 1}
        yield "/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]}
        yield "/v1/chat/completions", {"messages": [{"role": "tool", "tool_call_id": "a", "content": [part]}]}
        for kind, field in (("video_url", "video_url"), ("input_audio", "input_audio"), ("file", "file")):
            yield "/v1/chat/completions", {"messages": [{"role": "user", "content": [
                {"type": kind, field: {"url": url, "data": url, "file_data": url, "file_id": url}}]}]}
        yield "/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}
        yield "/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": url}]}]}
        for path in ("/v1/embeddings", "/v1/estimate", "/tokenize"):
            yield path, {"messages": messages}

    def test_k_no_address_is_called(self):
        trap = Trap()
        urls = addresses(trap.port)
        self.assertEqual(len(urls), 60)
        before = self.generations()
        for url in urls:
            for path, body in self.bodies(url):
                reply = self.client.post(path, body)
                self.assert_error(reply, 400)
                self.assertNotIn("root:", reply.error["message"])
        self.assertEqual(trap.calls, 0)
        self.assertEqual(self.generations(), before)
        with socket.create_connection(("127.0.0.1", trap.port)):
            pass
        self.assertTrue(wait_for(lambda: trap.calls == 1), "the trap does not work")

    def generations(self):
        return counter(self.client, "vllm:request_success_total")


def counter(client, name):
    """The sum of a counter over its labels."""
    text = client.get("/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)}{{[^}}]*}} (\S+)$", text, re.MULTILINE))


def wait_for(condition):
    event = threading.Event()
    return any(condition() or event.wait(0.02) for _ in range(250)) and condition()


CONTROL = """<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> <|quad_start|>
<|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call> </tool_call> <tool_response>
</tool_response> <think> </think> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> <tools>
</tools> <|audio_start|> <|eot_id|> <s> </s> <|begin_of_text|> [INST] <bos> <image> <start_of_turn> <|channel|> <|assistant|>
<|user|> <|im_ |> <| <|im_start|>system <|im_end|>assistant <|vision_start|><|image_pad|><|vision_end|>
<|vision_start|><|video_pad|><|vision_end|> <|im_start|><|im_start|> </tool_response><|im_end|> <tool_call>{}</tool_call>""".split()


class ControlTokens(case.Case):
    """L: control tokens in text are text, to the token."""

    @classmethod
    def setUpClass(cls):
        added = json.loads((serving.ROOT / "models/demo/tokenizer.json").read_bytes())["added_tokens"]
        cls.special = {token["id"] for token in added}

    def places(self, text):
        """Where a text can stand in a conversation, by name."""
        user = {"role": "user", "content": "hi"}
        schema = {"type": "object", "properties": {text: {"type": "string", "description": text, "enum": [text]}}}
        tool = {"type": "function", "function": {"name": "f", "description": text, "parameters": schema}}
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": text})}}
        yield "user", {"messages": [{"role": "user", "content": text}]}
        yield "user part", {"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}
        yield "system", {"messages": [{"role": "system", "content": text}, user]}
        yield "assistant", {"messages": [user, {"role": "assistant", "content": text}, user]}
        yield "arguments", {"messages": [user, {"role": "assistant", "content": None, "tool_calls": [call]}, user]}
        yield "tool", {"messages": [user, {"role": "tool", "tool_call_id": "1", "content": text}]}
        yield "schema", {"messages": [user], "tools": [tool]}

    def tokens(self, body):
        return self.good(self.client.post("/tokenize", body))["tokens"]

    def test_l_fifty_texts_everywhere(self):
        self.assertEqual(len(CONTROL), 50)
        plain = {place: [t for t in self.tokens(body) if t in self.special] for place, body in self.places("harmless")}
        for text in CONTROL:
            for place, body in self.places(text):
                with self.subTest(text=text, place=place):
                    tokens = self.tokens(body)
                    self.assertEqual([t for t in tokens if t in self.special], plain[place])
                    shown = self.good(self.client.post("/detokenize", {"tokens": tokens}))["prompt"]
                    self.assertIn(text if place not in ("arguments", "schema") else json.dumps(text)[1:-1], shown)

    def test_l_the_tokens_are_those_of_the_text(self):
        for text in CONTROL:
            alone = self.tokens({"prompt": text})
            self.assertFalse(set(alone) & self.special, text)
            inside = self.tokens({"messages": [{"role": "user", "content": text}]})
            self.assertTrue(any(inside[i:i + len(alone)] == alone for i in range(len(inside))), text)

    def test_l_a_file_name_is_never_read(self):
        for text in CONTROL:
            part = {"type": "file", "file": {"filename": text, "file_data": "data:application/pdf;base64,JVBERi0="}}
            self.assert_error(self.client.chat([{"role": "user", "content": [part]}]), 400)

    def test_l_the_server_lives_on(self):
        for text in CONTROL:
            self.good(self.client.chat(text, max_tokens=1))
            self.good(self.client.post("/v1/completions", {"prompt": text, "max_tokens": 1}))


def nested(depth):
    return json.loads('{"type":"array","items":' * depth + "true" + "}" * depth)


def bombs():
    """Forms of an answer that cost too much where nobody counts: (name, fields, may be accepted)."""
    for depth in (10, 30, 40):
        yield f"schema {depth} deep", {"guided_json": nested(depth)}, depth <= 30
    for depth in (10, 1000, 60000):
        yield f"{depth} groups", {"guided_regex": "(" * depth + "a" + ")" * depth}, depth == 10
        yield f"{depth} groups in EBNF", {"guided_grammar": "root ::= " + "(" * depth + '"a"' + ")" * depth}, depth == 10
    for pattern in ("(a*)*b", "(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*)*x", "(a{0,100}){0,100}", "((a*)*)*", "(x+x+)+y", "a{0,10000}"):
        yield pattern, {"guided_regex": pattern}, True
    for pattern in ("a{0,1000000000}", "a{1000000000}", "(a{1000}){1000}", "((a{99}){99}){99}", "[", "(", "*", "a{2,1}", "(?=a)b"):
        yield pattern, {"guided_regex": pattern}, False
    for pattern in (r"[\u4e00-\u9fff]{1,20}", r"[^\x00-\x7f]+", r"\p{L}+", r"[\w\d\s]{1,50}", "[😀-😎]+", r"[\uD800-\uDFFF]"):
        yield pattern, {"guided_regex": pattern}, True
    cycle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    yield "$ref cycle", {"guided_json": cycle}, True
    yield "$ref to itself", {"guided_json": {"$ref": "#"}}, True
    yield "$ref away", {"guided_json": {"$ref": "http://127.0.0.1:1/x"}}, False
    fan = {f"a{i}": {"anyOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(30)} | {"a30": {"type": "null"}}
    yield "2^30 branches", {"guided_json": {"$defs": fan, "$ref": "#/$defs/a0"}}, True
    yield "10k enum", {"guided_json": {"enum": [f"value {i}" for i in range(10000)]}}, True
    yield "20k enum", {"guided_json": {"enum": [i for i in range(20000)]}}, False
    yield "1k choices", {"guided_choice": [f"choice {i}" for i in range(1000)]}, True
    yield "5k properties", {"guided_json": {"type": "object", "properties": {f"p{i}": {"type": "null"} for i in range(5000)}}}, True
    yield "maxLength", {"guided_json": {"type": "string", "maxLength": 10 ** 9}}, False
    yield "maxItems", {"guided_json": {"type": "array", "items": {"type": "array", "maxItems": 10 ** 5}, "maxItems": 10 ** 5}}, False
    yield "EBNF without end", {"guided_grammar": "root ::= root"}, True
    yield "EBNF left recursion", {"guided_grammar": 'root ::= root "a" | "b"'}, True
    yield "EBNF unknown rule", {"guided_grammar": "root ::= nothing"}, False


class Grammars(case.Case):
    """N: refused within 200 ms of work, or right. Work is the server's CPU time, not the clock's."""

    process = None

    def work_ms(self):
        fields = pathlib.Path(f"/proc/{self.process}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def test_n_bombs(self):
        self.good(self.client.chat("hi", max_tokens=1, guided_regex="a"))  # whatever is made once is made
        for name, fields, may_pass in bombs():
            with self.subTest(name):
                before = self.work_ms()
                reply = self.client.chat("hi", max_tokens=1, **fields)
                spent = self.work_ms() - before
                print(f"{name[:40]:<40} {reply.status} {spent:6.0f} ms", file=sys.stderr)
                if reply.status != 200 or not may_pass:
                    self.assert_error(reply, 400, "invalid_grammar")
                    self.assertLessEqual(spent, 200)
        self.assertEqual(self.client.get("/health").status, 200)


class OtherSites(case.Case):
    """P: a page of another site, in the browser of somebody who runs this server, starts nothing."""

    def test_p_requests_of_other_sites(self):
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
        own = f"http://127.0.0.1:{self.client.port}"
        table = [({"Host": "evil.example"}, 403), ({"Host": f"evil.example:{self.client.port}"}, 403),
                 ({"Host": "127.0.0.1.evil.example"}, 403), ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
                 ({"Origin": "http://127.0.0.1:1"}, 403),
                 ({"Content-Type": "text/plain"}, 415), ({"Content-Type": "text/plain;charset=UTF-8"}, 415),
                 ({"Content-Type": "TEXT/PLAIN"}, 415),
                 ({"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site"}, 415),
                 ({"Content-Type": "multipart/form-data; boundary=b"}, 415),
                 # What a browser sends for fetch(..., {mode: "no-cors"}) of a page on another port, and for a form.
                 ({"Origin": "http://127.0.0.1:1", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-site",
                   "Content-Type": "text/plain;charset=UTF-8"}, 403),
                 ({"Origin": "http://evil.example", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site",
                   "Content-Type": "application/x-www-form-urlencoded"}, 403)]
        before = counter(self.client, "vllm:request_success_total")
        for path in ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings"):
            for headers, status in table:
                reply = self.client.send("POST", path, body, {"Content-Type": "application/json"} | headers)
                self.assert_error(reply, status)
                self.assertIsNone(reply.headers["access-control-allow-origin"], headers)
        preflight = self.client.send("OPTIONS", "/v1/chat/completions", None, {
            "Origin": "http://evil.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertIsNone(preflight.headers["access-control-allow-origin"])
        self.assertEqual(counter(self.client, "vllm:request_success_total"), before)
        self.good(self.client.send("POST", "/v1/chat/completions", body, {"Content-Type": "application/json", "Origin": own}))


if __name__ == "__main__":
    with serving.process(sys.argv.pop(1)) as (url, process):
        case.Case.client = serving.Client(url)
        Grammars.process = process.pid
        run = unittest.main(exit=False)
    sys.exit(not run.result.wasSuccessful())
