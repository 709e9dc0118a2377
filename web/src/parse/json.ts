// SPDX-License-Identifier: Apache-2.0
// A JSON reader for text that is still arriving: gives the value so far, says whether it is whole, and where and why
// it is not JSON. Forgives a trailing comma (and says so); never throws.

export interface JsonRead {
  value: unknown;
  /** whole: one complete value. part: the text ended too early. bad: it can never become JSON. */
  state: "whole" | "part" | "bad";
  /** False when something was forgiven that JSON.parse would refuse. */
  strict: boolean;
  /** Just after the value, or the offending character. */
  at: number;
  problem: string;
}

const MAX_DEPTH = 128;
const ESCAPES: Record<string, string> = {
  '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t",
};
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NUMBER_START = /-?\d*(?:\.\d*)?(?:[eE][+-]?\d*)?$/y;

/** Thrown inside the reader only: `whole` unwinds with what is there, a problem with why. */
class Halt {
  constructor(readonly problem: string) {}
}
const OUT_OF_TEXT = new Halt("");
/** Stands for a value of which nothing certain has arrived. */
const NOTHING = Symbol("nothing");

class Reader {
  at: number;
  strict = true;
  halted: Halt | null = null;

  constructor(private readonly text: string, start: number) {
    this.at = start;
  }

  private stop(halt: Halt): void {
    this.halted ??= halt;
  }

  private space(): void {
    while (this.at < this.text.length && " \t\r\n".includes(this.text[this.at]!)) this.at++;
  }

  value(depth: number): unknown {
    this.space();
    const c = this.text[this.at];
    if (c === undefined) this.stop(OUT_OF_TEXT);
    else if (depth > MAX_DEPTH) this.stop(new Halt(`nested deeper than ${MAX_DEPTH}`));
    else if (c === "{") return this.object(depth);
    else if (c === "[") return this.array(depth);
    else if (c === '"') return this.string();
    else if (c === "-" || (c >= "0" && c <= "9")) return this.number();
    else return this.word();
    return NOTHING;
  }

  /** After an element: true if another follows. */
  private more(close: string): boolean {
    this.space();
    const c = this.text[this.at];
    if (c === undefined) this.stop(OUT_OF_TEXT);
    else if (c === close) this.at++;
    else if (c === ",") {
      this.at++;
      this.space();
      if (this.text[this.at] === close) {
        this.strict = false;
        this.at++;
        return false;
      }
      return true;
    } else this.stop(new Halt(`expected , or ${close}`));
    return false;
  }

  private array(depth: number): unknown[] {
    const out: unknown[] = [];
    this.at++;
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return out;
    }
    do {
      const item = this.value(depth + 1);
      if (item !== NOTHING) out.push(item);
    } while (!this.halted && this.more("]"));
    return out;
  }

  private object(depth: number): Record<string, unknown> {
    const out = Object.create(null) as Record<string, unknown>;
    this.at++;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return out;
    }
    do {
      this.space();
      if (this.at >= this.text.length) this.stop(OUT_OF_TEXT);
      else if (this.text[this.at] !== '"') this.stop(new Halt("expected a key in double quotes"));
      if (this.halted) break;
      const key = this.string();
      if (this.halted) break;
      this.space();
      if (this.at >= this.text.length) this.stop(OUT_OF_TEXT);
      else if (this.text[this.at] !== ":") this.stop(new Halt("expected :"));
      if (this.halted) break;
      this.at++;
      const item = this.value(depth + 1);
      if (item !== NOTHING) out[key] = item;
    } while (!this.halted && this.more("}"));
    return out;
  }

  private string(): string {
    let out = "";
    for (this.at++; ; this.at++) {
      const c = this.text[this.at];
      if (c === undefined) {
        this.stop(OUT_OF_TEXT);
        return out;
      }
      if (c === '"') {
        this.at++;
        return out;
      }
      if (c < " ") this.strict = false;
      if (c !== "\\") {
        out += c;
        continue;
      }
      const e = this.text[this.at + 1];
      if (e === "u") {
        const hex = this.text.slice(this.at + 2, this.at + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) {
          this.stop(hex.length < 4 && /^[0-9a-fA-F]*$/.test(hex) ? OUT_OF_TEXT : new Halt("bad \\u escape"));
          return out;
        }
        out += String.fromCharCode(Number.parseInt(hex, 16));
        this.at += 5;
      } else if (e === undefined) {
        this.stop(OUT_OF_TEXT);
        return out;
      } else if (e in ESCAPES) {
        out += ESCAPES[e];
        this.at++;
      } else {
        this.stop(new Halt(`bad escape \\${e}`));
        return out;
      }
    }
  }

  /** A number that touches the end of the text may still grow, so it does not count inside a list or object. */
  private number(): unknown {
    NUMBER_START.lastIndex = this.at;
    if (this.at > 0 && NUMBER_START.test(this.text)) {
      this.at = this.text.length;
      this.stop(OUT_OF_TEXT);
      return NOTHING;
    }
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (!match) {
      this.stop(new Halt("not a number"));
      return NOTHING;
    }
    this.at += match[0].length;
    return Number(match[0]);
  }

  private word(): unknown {
    for (const [word, value] of [["true", true], ["false", false], ["null", null]] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
      if (word.startsWith(this.text.slice(this.at))) {
        this.stop(OUT_OF_TEXT);
        return NOTHING;
      }
    }
    this.stop(new Halt(`unexpected ${this.text[this.at]}`));
    return NOTHING;
  }
}

/** Reads one value from `start`; what follows it is the caller's business. */
export function readJson(text: string, start = 0): JsonRead {
  const reader = new Reader(text, start);
  const value = reader.value(0);
  const halt = reader.halted;
  const state = halt === null ? "whole" : halt === OUT_OF_TEXT ? "part" : "bad";
  return {
    value: value === NOTHING ? undefined : value,
    state, strict: reader.strict, at: reader.at, problem: halt?.problem ?? "",
  };
}

/** Line and column (from 1) of an offset, for messages. */
export function lineOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}
