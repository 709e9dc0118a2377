// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { readEvents } from "../api/sse";
import { splitAnswer, viewOf } from "./answer";
import { findingsOf, toPixels } from "./findings";
import { lineOf, readJson } from "./json";
import { checkSchema, schemaOfFields } from "./schema";

describe("readJson", () => {
  const whole = ['{"a":[1,2.5,-3e2],"b":{"c":null,"d":true}}', "[]", "{}", '"x\\u00e9\\n"', "false", "42", " [ 1 , 2 ] "];
  it.each(whole)("agrees with JSON.parse on %s", (text) => {
    const read = readJson(text);
    expect(read.state).toBe("whole");
    expect(read.strict).toBe(true);
    expect(JSON.stringify(read.value)).toBe(JSON.stringify(JSON.parse(text)));
  });

  it("reads every prefix of a document without an error, and only the last as whole", () => {
    const text = '[{"bbox_2d": [10, 20, 300, 400], "label": "caf\\u00e9 \\"x\\""}, {"n": -1.5e-3, "ok": true, "z": null}]';
    for (let end = 0; end < text.length; end++) {
      const read = readJson(text.slice(0, end));
      expect([end, read.state]).toEqual([end, "part"]);
    }
    expect(readJson(text).state).toBe("whole");
  });

  it("does not show a number that may still grow", () => {
    expect(readJson('{"bbox_2d":[1,2,30').value).toEqual({ bbox_2d: [1, 2] });
    expect(readJson('{"bbox_2d":[1,2,30,').value).toEqual({ bbox_2d: [1, 2, 30] });
  });

  it.each([["{a:1}", 1], ["[1 2]", 3], ['{"a" 1}', 5], ["[01]", 2], ['["\\x"]', 2], ["nope", 0], ['{"a":1]', 6]])(
    "says where %s goes wrong", (text, at) => {
      const read = readJson(text);
      expect(read.state).toBe("bad");
      expect(read.at).toBe(at);
      expect(read.problem).not.toBe("");
    });

  it("forgives a trailing comma and says so", () => {
    expect(readJson("[1,2,]")).toMatchObject({ state: "whole", strict: false, value: [1, 2] });
  });

  it("survives depth and keys with a meaning", () => {
    expect(readJson("[".repeat(100_000)).state).toBe("bad");
    const read = readJson('{"__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(read.value as object)).toEqual(["__proto__"]);
  });

  it("counts lines from one", () => expect(lineOf("a\nbc", 3)).toEqual({ line: 2, column: 2 }));
});

describe("findingsOf", () => {
  it("reads boxes and points with labels", () => {
    const found = findingsOf([
      { bbox_2d: [10, 20, 300, 400], label: "cat" },
      { point_2d: [500, 250], label: "nose" },
      { bbox_2d: [0, 0, 10, 10], text_content: "EXIT" },
    ]);
    expect(found.places.map((p) => [p.kind, p.label, p.from, p.to])).toEqual([
      ["box", "cat", [10, 20], [300, 400]],
      ["point", "nose", [500, 250], [500, 250]],
      ["box", "EXIT", [0, 0], [10, 10]],
    ]);
  });

  it("orders corners, clamps and says so, skips what is no box", () => {
    const found = findingsOf([
      { bbox_2d: [900, 800, 100, 1200] }, { bbox_2d: [1, 2, 3] }, { bbox_2d: ["1", 2, 3, 4] }, { bbox_2d: [[1, 2, 3, 4]] },
      { bbox_2d: [1, 2, 3, null] },
    ]);
    expect(found.places).toHaveLength(2);
    expect(found.places[0]).toMatchObject({ from: [100, 800], to: [900, 1000], clamped: true });
    expect(found.places[1]).toMatchObject({ from: [1, 2], to: [3, 4], clamped: false });
  });

  it("reads steps of both forms", () => {
    const found = findingsOf([
      { op: "click", point: [500, 354], label: "login" },
      { op: "type", point: [1, 2], text: "hello" },
      { action: "left_click", coordinate: [10, 20] },
      { name: "computer_use", arguments: { action: "scroll", coordinate: [5, 5], pixels: -300 } },
      { name: "mobile_use", arguments: '{"action":"swipe","coordinate":[1,2],"coordinate2":[3,4]}' },
      { action: "key", keys: ["ctrl", "c"] },
    ]);
    expect(found.places).toEqual([]);
    expect(found.steps.map((s) => [s.verb, s.point, s.to, s.detail, s.label])).toEqual([
      ["click", [500, 354], null, "", "login"],
      ["type", [1, 2], null, "hello", ""],
      ["left_click", [10, 20], null, "", ""],
      ["scroll", [5, 5], null, "-300", ""],
      ["swipe", [1, 2], [3, 4], "", ""],
      ["key", null, null, "ctrl + c", ""],
    ]);
  });

  it("finds boxes inside fields, and stops at its limits", () => {
    expect(findingsOf({ fields: [{ name: "date", value: "1.2.", bbox_2d: [1, 2, 3, 4] }] }).places[0]?.label).toBe("date");
    let deep: unknown = { bbox_2d: [1, 2, 3, 4] };
    for (let i = 0; i < 50; i++) deep = [deep];
    expect(findingsOf(deep).places).toEqual([]);
    expect(findingsOf(Array.from({ length: 5000 }, () => ({ point_2d: [1, 1] }))).places).toHaveLength(1000);
    for (const value of [null, undefined, 3, "x", [], {}, [null]]) expect(findingsOf(value).places).toEqual([]);
  });

  it("turns the grid into pixels of any picture", () => {
    expect(toPixels([500, 1000], 4032, 3024)).toEqual([2016, 3024]);
    expect(toPixels([333, 1], 1, 20000)).toEqual([0, 20]);
  });
});

describe("checkSchema", () => {
  const schema = schemaOfFields(["name", "total"]);
  it("accepts what fits and names what does not", () => {
    expect(checkSchema({ name: "a", total: null }, schema).problems).toEqual([]);
    expect(checkSchema({ name: 1 }, schema).problems).toEqual([
      "/name: is number, expected string or null", '/: lacks "total"',
    ]);
    expect(checkSchema({ name: "a", total: "b", x: 1 }, schema).problems).toHaveLength(1);
    expect(checkSchema([], schema).problems).toHaveLength(1);
  });

  it.each<[unknown, unknown, boolean]>([
    [3, { type: "integer", minimum: 3 }, true], [3.5, { type: "integer" }, false], [2, { exclusiveMinimum: 2 }, false],
    ["ab", { minLength: 3 }, false], ["ab", { pattern: "^a" }, true], ["😀", { maxLength: 1 }, true],
    [[1, 2], { items: { type: "number" }, minItems: 2, uniqueItems: true }, true], [[1, 1], { uniqueItems: true }, false],
    [["a", 1], { prefixItems: [{ type: "string" }], items: { type: "number" } }, true],
    [1, { anyOf: [{ type: "string" }, { const: 1 }] }, true], [1, { oneOf: [{}, {}] }, false], [1, { not: {} }, false],
    [{ a: [{ a: [] }] }, { $defs: { n: { properties: { a: { items: { $ref: "#/$defs/n" } } }, required: ["a"] } }, $ref: "#/$defs/n" }, true],
    [{ a: 1 }, { enum: [{ a: 1 }] }, true], [5, false, false], [5, true, true],
  ])("%j against %j is %s", (value, rule, good) => expect(checkSchema(value, rule).problems.length === 0).toBe(good));

  it("admits what it did not check", () => {
    expect(checkSchema({}, { if: {}, then: {} }).unchecked).toEqual(["if", "then"]);
    expect(checkSchema(1, { $ref: "http://x/" }).unchecked).toEqual(["$ref"]);
  });
  it("ends on a schema that refers to itself", () => {
    expect(checkSchema(1, { $ref: "#" }).unchecked).toEqual(["depth"]);
  });
});

describe("splitAnswer", () => {
  const kinds = (text: string): string[] => splitAnswer(text).map((b) => (b.kind === "code" ? viewOf(b) : b.kind));

  it("keeps fences whole and knows what they hold", () => {
    expect(splitAnswer("Hi\n\n```python\na = 1\n\nb = 2\n```\nend")).toEqual([
      { kind: "text", text: "Hi" },
      { kind: "code", lang: "python", text: "a = 1\n\nb = 2", closed: true },
      { kind: "text", text: "end" },
    ]);
    expect(kinds("```json\n{}\n```")).toEqual(["json"]);
    expect(kinds("```xml\n<mxfile></mxfile>\n```")).toEqual(["drawio"]);
    expect(kinds("```\n[{\"a\":1}]\n```")).toEqual(["json"]);
    expect(kinds("````\n```\n````")).toEqual(["code"]);
  });

  it("finds answers without a fence", () => {
    expect(kinds('[{"bbox_2d":[1,2,3,4]}]')).toEqual(["json"]);
    expect(kinds('Here:\n\n{"a": 1}\n\nDone.')).toEqual(["text", "json", "text"]);
    expect(kinds("<!DOCTYPE html>\n<html>\n\n</html>")).toEqual(["html"]);
    expect(kinds('<?xml version="1.0"?>\n<mxfile>\n</mxfile>')).toEqual(["drawio"]);
    expect(kinds('I click.\n<tool_call>\n{"name":"c","arguments":{"action":"click"}}\n</tool_call>')).toEqual(["text", "json"]);
    expect(kinds("<nav><a>x</a></nav>\n\n<p>y</p>")).toEqual(["html"]);
    expect(kinds("<b>bold</b> and text")).toEqual(["text"]);
    expect(kinds("[link](http://x) and text")).toEqual(["text"]);
    expect(kinds("[1] a footnote")).toEqual(["text"]);
    expect(kinds("{not json}")).toEqual(["text"]);
  });

  it("keeps a loose list together and cuts paragraphs", () => {
    expect(kinds("1. a\n\n   more\n\n2. b\n\npara\n\npara")).toEqual(["text", "text", "text"]);
  });

  it("takes displayed maths out", () => {
    expect(kinds("a\n\n$$\nx\n$$\n\n\\[y\\]\nb")).toEqual(["text", "math", "math", "text"]);
    expect(splitAnswer("$$x$$")).toEqual([{ kind: "math", text: "x", closed: true }]);
  });

  it("changes only the last blocks while text arrives", () => {
    const text = "# A\n\npara *x*\n\n- a\n- b\n\n```js\nlet a\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n$$\nx\n$$\n\nend";
    let before: ReturnType<typeof splitAnswer> = [];
    for (let end = 1; end <= text.length; end++) {
      const now = splitAnswer(text.slice(0, end));
      expect(now.slice(0, Math.max(0, before.length - 2))).toEqual(before.slice(0, -2));
      before = now;
    }
  });
});

describe("readEvents", () => {
  const stream = (pieces: Uint8Array[]): ReadableStream<Uint8Array> =>
    new ReadableStream({ start(c) { for (const p of pieces) c.enqueue(p); c.close(); } });
  const text = ': ping\n\ndata: {"a":"é😀"}\n\ndata: x\r\n\r\n: c\ndata:y\ndata: z\n\ndata: [DONE]\n\ndata: late\n\n';

  it.each([1, 2, 3, 5, 7, 1000])("reads pieces of %d bytes", async (size) => {
    const bytes = new TextEncoder().encode(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
    const events: string[] = [];
    for await (const event of readEvents(stream(pieces))) events.push(event);
    expect(events).toEqual(['{"a":"é😀"}', "x", "y\nz"]);
  });

  it("gives the last event of a stream that ends without a blank line", async () => {
    const events: string[] = [];
    for await (const event of readEvents(stream([new TextEncoder().encode("data: a")]))) events.push(event);
    expect(events).toEqual(["a"]);
  });
});
