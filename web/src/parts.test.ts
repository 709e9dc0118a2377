// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { en as first } from "./i18n/en";
import { en as later } from "./i18n/panels_en";
import { zh as laterZh } from "./i18n/panels_zh";
import { zh as firstZh } from "./i18n/zh";
import { clock, frameSize, frameTimes, readClip, stepOf } from "./media/clip";
import { hashOf, sha256 } from "./media/hash";
import { sniff } from "./media/picture";
import { withoutNoise } from "./render/quiet";
import { cleanCss } from "./render/sanitize";
import { cutCommand, placeholder, snippet } from "./snippets";
import { bodyOf } from "./state/body";
import { forked, matches, newChat, newestLeaf, pathTo, readChat, siblingsOf, withMessage, type Message } from "./state/chat";
import { fieldNames, isPrompt, promptOf, schemaOf, TASKS } from "./tasks";

const en = { ...first, ...later };
const zh = { ...firstZh, ...laterZh };

describe("the two languages", () => {
  const marks = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  it("have the same keys, the same marks and nothing empty", () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) {
      const other = zh[key as keyof typeof en];
      expect([key, marks(other)]).toEqual([key, marks(text)]);
      expect(text.trim() !== "" && other.trim() !== "").toBe(true);
    }
  });
  it("are two languages", () => {
    const han = /[\u4e00-\u9fff]/;
    const same = Object.keys(en).filter((key) => !han.test(zh[key as keyof typeof en]));
    expect(same.sort()).toEqual(["diagram.source", "places.grid", "settings.top_k", "settings.top_p"]);
    expect(Object.values(en).filter((text) => han.test(text))).toEqual([]);
  });
});

describe("sha256", () => {
  it.each([0, 1, 55, 56, 63, 64, 65, 1000, 70_000])("is SHA-256 of %d bytes", async (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + 7) & 255);
    expect(sha256(bytes)).toBe(await hashOf(bytes));
  });
});

describe("sniff", () => {
  const head = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
  it.each([
    ["\x89PNG\r\n", "image/png"], ["\xff\xd8\xff\xe0", "image/jpeg"], ["GIF89a", "image/gif"], ["BM....", "image/bmp"],
    ["RIFF....WEBP", "image/webp"], ["RIFF....WAVE", ""], ["%PDF-1.7", "application/pdf"], ["....ftypisom", "video/mp4"],
    ["....ftypheic", ""], ["....ftypqt  ", "video/mp4"], ["\x1a\x45\xdf\xa3", "video/webm"], ["<svg", ""], ["", ""],
  ])("%j is %j", (text, type) => expect(sniff(head(text))).toBe(type));
});

describe("a video", () => {
  it("is looked at twice a second, before its end", () => {
    expect(frameTimes(0)).toEqual([0]);
    expect(frameTimes(0.5)).toEqual([0]);
    expect(frameTimes(2)).toEqual([0, 0.5, 1, 1.5]);
    expect(frameTimes(2.01)).toEqual([0, 0.5, 1, 1.5, 2]);
    expect(frameTimes(120)).toHaveLength(240);
  });
  it.each([120.001, 121, 768, 3600, 86_400])("of %d s is looked at 240 times, evenly", (duration) => {
    const times = frameTimes(duration);
    expect(times).toHaveLength(240);
    expect(times[239]).toBeLessThan(duration);
    expect(stepOf({ times, duration })).toBeCloseTo(duration / 240, 2);
    for (const [i, s] of times.entries()) expect(Math.abs(s - (i * duration) / 240)).toBeLessThanOrEqual(0.0005 + 1e-9);
  });
  it.each([
    [1920, 1080, 768, 432], [1080, 1920, 432, 768], [320, 180, 320, 180], [641, 481, 640, 480], [4000, 100, 768, 18], [5000, 1, 768, 2],
  ])("of %dx%d has frames of %dx%d", (w, h, width, height) => expect(frameSize(w, h)).toEqual({ width, height }));
  it.each([[0, "0:00"], [3.5, "0:03"], [65, "1:05"], [3605, "1:00:05"]])("shows %d s as %s", (s, text) => expect(clock(s)).toBe(text));
  it("is refused from a file with times that are none", () => {
    expect(readClip({ times: [0, 0.5], duration: 1, more: 1 })).toEqual({ times: [0, 0.5], duration: 1 });
    expect(readClip({ times: [0, 2] })).toEqual({ times: [0, 2], duration: 2 });
    for (const times of [undefined, [], "0", [1, 0], [-1], [Number.NaN], ["0"], Array(769).fill(0)]) expect(readClip({ times })).toBeNull();
  });
  it("stands in the request as its frames with their times, in order with pictures", async () => {
    const picture = { hash: "0".repeat(64), name: "a.png", mime: "image/png", bytes: 1, width: 1, height: 1 };
    const clip = { ...picture, name: "b.mp4", mime: "video/jpeg", clip: { times: [0, 0.5], duration: 1 } };
    const body = await bodyOf([{ role: "user", text: "What?", pictures: [clip, picture] }], "m", (_, name) => `data:${name}`);
    expect(body.messages[0]!.content).toEqual([
      { type: "video_url", video_url: { url: "data:b.mp4" }, timestamps: [0, 0.5] },
      { type: "image_url", image_url: { url: "data:a.png" } },
      { type: "text", text: "What?" },
    ]);
  });
});

describe("withoutNoise", () => {
  it.each([
    ['<img src=x onerror="a">', "<img src=x >"], ["<svg/onload=a>", "<svg/>"], ["<p>only = 3, onclick=4</p>", "<p>only = 3, onclick=4</p>"],
    ['<a title="> onclick=x" href=b>', '<a title="> onclick=x" href=b>'], ["a < b only=1", "a < b only=1"],
    ['<b title="</b><img onerror=x>">', '<b title="</b><img >">'], ["<img onerror", "<img onerror"], ["<base href=x>y", "y"], ["<on =1>", "<on =1>"],
    ["<img onerror = 'a b' alt=c>", "<img  alt=c>"],
  ])("%s becomes %s", (given, wanted) => expect(withoutNoise(given)).toBe(wanted));
  it("leaves text without handlers as it is", () => expect(withoutNoise("<p class='x'>")).toBe("<p class='x'>"));
  it("is linear in long input", () => expect(withoutNoise(`${"<a ".repeat(20_000)}onx=1`).length).toBeGreaterThan(1));
});

describe("cleanCss", () => {
  it.each([
    "url(http://e/a)", "url('http://e/a')", 'url( "//e/a" )', "u\\72l(http://e)", "\\75 rl(http://e)", 'image-set("http://e" 1x)',
    "@import 'http://e';", "@import url(http://e);", "url(http://e", "UR\\4c(http://e)", "url(/**/http://e)",
  ])("takes the address out of %s", (css) => expect(cleanCss(`a{b:${css}}`)).not.toMatch(/url\s*\(|image-set|@import/i));
  it("keeps pictures inside and plain rules", () => {
    expect(cleanCss("a{background:url(data:image/png;base64,AA)}")).toContain("url(data:image/png");
    expect(cleanCss("p::before{content:'\\201c';color:#fff}")).toBe("p::before{content:'\\201c';color:#fff}");
  });
});

describe("a chat", () => {
  const message = (id: string, parent: string | null, at: number, role: Message["role"] = "user"): Message =>
    ({ id, parent, role, text: `text ${id}`, pictures: [], at });
  const tree = [message("a", null, 1), message("b", "a", 2, "assistant"), message("c", "b", 3), message("d", "a", 4, "assistant")]
    .reduce(withMessage, newChat(0));

  it("is a tree with a branch on the screen", () => {
    expect(tree.title).toBe("text a");
    expect(pathTo(tree, tree.leaf).map((m) => m.id)).toEqual(["a", "d"]);
    expect(siblingsOf(tree, tree.messages["d"]!).map((m) => m.id)).toEqual(["b", "d"]);
    expect(newestLeaf(tree, "b")).toBe("c");
    expect(newestLeaf(tree, "a")).toBe("d");
    const copy = forked(tree, "c", 9);
    expect(Object.keys(copy.messages)).toEqual(["a", "b", "c"]);
    expect(copy.id).not.toBe(tree.id);
    expect(matches(tree, " TEXT C ")).toBe(true);
    expect(matches(tree, "zebra")).toBe(false);
  });
  it("comes back from a file, without what does not belong", () => {
    const file = JSON.parse(JSON.stringify(tree));
    expect(readChat(file)).toEqual(tree);
    file.messages.a.pictures = [{ hash: "../x" }, { hash: "0".repeat(64), name: "n" }];
    file.messages.a.pictures.push({ hash: "1".repeat(64), mime: "video/jpeg", clip: { times: [1, 0] } }, { hash: "2".repeat(64), clip: { times: [0] } });
    file.messages.a.pictures.push({ hash: "3".repeat(64), name: "v", mime: "video/jpeg", clip: { times: [0] } });
    file.messages.a.task = "evil";
    file.messages.a.extra = 1;
    const read = readChat(file)!;
    expect(read.messages["a"]!.pictures.map((p) => p.name)).toEqual(["n", "v"]);
    expect("extra" in read.messages["a"]! || "task" in read.messages["a"]!).toBe(false);
    for (const bad of [null, 1, {}, { id: "x" }, { id: "x", messages: { a: { id: "a" } } }, { id: 1, messages: {} }]) expect(readChat(bad)).toBeNull();
  });
  it("survives a file in which messages are their own parents", () => {
    const loop = { ...tree, messages: { a: message("a", "b", 1), b: message("b", "a", 2) }, leaf: "a" };
    expect(pathTo(loop, "a")).toHaveLength(2);
    expect(["a", "b"]).toContain(newestLeaf(loop, "a"));
  });
});

describe("presets", () => {
  it.each(TASKS.flatMap((task) => (["en", "zh"] as const).map((lang) => [task, lang] as const)))("%s in %s", (task, lang) => {
    const { text, from, to } = promptOf(task, lang, "a, b", false);
    const demo = promptOf(task, lang, "a, b", true);
    expect(isPrompt(demo.text, "a, b")).toBe(true);
    expect(text).not.toMatch(/[«»{]fields|[«»]/);
    expect(from <= to && to <= text.length).toBe(true);
    expect(isPrompt(text, "a, b")).toBe(true);
    if (task === "find") expect(text.slice(from, to)).toBe(lang === "en" ? "button" : "按钮");
  });
  it("make a schema of names in either language, or take one as it is", () => {
    expect(fieldNames(" a, b,,a ")).toEqual(["a", "b"]);
    expect(fieldNames("姓名、日期，金额；电话")).toEqual(["姓名", "日期", "金额", "电话"]);
    expect(schemaOf("")).toBeNull();
    expect(schemaOf('{"type":')).toBe("bad");
    expect(schemaOf('{"properties":{"x":{}}}')).toEqual({ properties: { x: {} } });
    expect(fieldNames('{"properties":{"x":{}}}')).toEqual(["x"]);
    expect(schemaOf("a")).toMatchObject({ required: ["a"], additionalProperties: false });
  });
});

describe("snippets", () => {
  const body = {
    model: "m", temperature: 0.5, top_k: 3, response_format: { type: "json_object", strict: true, none: null },
    messages: [{ role: "user", content: [{ type: "image_url" as const, image_url: { url: placeholder("it's a.png", "image/png") } }, { type: "text" as const, text: "$HOME `x` \\ \"q\"" }] }],
  };
  it("escapes for the shell", () => {
    const code = snippet("curl", body, "http://127.0.0.1:7860");
    expect(code).toContain("\\$HOME \\`x\\`");
    expect(code).toContain("$(base64 -w0 -- 'it'\\''s a.png')");
    expect(code).not.toContain("@@PICTURE");
  });
  it("speaks Python and JavaScript", () => {
    const py = snippet("python", body, "http://127.0.0.1:7860");
    expect(py).toContain('picture("it\'s a.png", "image/png")');
    expect(py).toContain("True");
    expect(py).toContain("None");
    expect(py).toContain('extra_body={"top_k": 3}');
    expect(snippet("javascript", body, "http://127.0.0.1:7860")).toContain('await picture("it\'s a.png", "image/png")');
  });
  it("read a video as a folder of frames, at the rate the page cut it", () => {
    const times = [0, 3.2, 6.4];
    const url = placeholder("it's b.mp4", "video/jpeg");
    const film = { messages: [{ role: "user", content: [{ type: "video_url" as const, video_url: { url }, timestamps: times }] }] };
    expect(snippet("curl", film, "http://x")).toMatch(/\.\/'it'\\''s b\.mp4\.frames'\/\*\.jpg[\s\S]*"fps": 0\.3125/);
    expect(snippet("python", film, "http://x")).toMatch(/def frames[\s\S]*frames\("it's b\.mp4\.frames"\)[\s\S]*"fps": 0\.3125/);
    expect(snippet("python", film, "http://x")).not.toContain("def picture");
    expect(snippet("javascript", film, "http://x")).toContain('await frames("it\'s b.mp4.frames")');
    expect(cutCommand("b.mp4", { times, duration: 9 }, 768, 432)).toBe("mkdir 'b.mp4.frames' && ffmpeg -i 'b.mp4' -vf fps=0.3125,scale=768:432 'b.mp4.frames/%04d.jpg'");
  });
});
