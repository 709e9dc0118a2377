// SPDX-License-Identifier: Apache-2.0
// Checks a value against the part of JSON Schema that extraction uses. A keyword it does not know is reported, so that
// "valid" is never said of something unchecked.

export interface SchemaCheck {
  problems: string[];
  /** Keywords present in the schema that were not checked. */
  unchecked: string[];
}

type Dict = Record<string, unknown>;
const ANNOTATIONS = new Set([
  "$schema", "$id", "$defs", "definitions", "$comment", "title", "description", "default", "examples", "deprecated",
  "readOnly", "writeOnly",
]);
const MAX_PROBLEMS = 20;
const MAX_DEPTH = 64;

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

function isDict(value: unknown): value is Dict {
  return typeOf(value) === "object";
}

function hasType(value: unknown, type: unknown): boolean {
  return type === "integer" ? Number.isInteger(value) : typeOf(value) === type;
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (isDict(a) && isDict(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  }
  return a === b;
}

class Checker {
  readonly problems: string[] = [];
  readonly unchecked = new Set<string>();

  constructor(private readonly root: unknown) {}

  private report(path: string, text: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(`${path || "/"}: ${text}`);
  }

  private passes(value: unknown, schema: unknown, depth: number): boolean {
    const inner = new Checker(this.root);
    inner.check(value, schema, "", depth);
    for (const word of inner.unchecked) this.unchecked.add(word);
    return inner.problems.length === 0;
  }

  private target(ref: string): unknown {
    if (!ref.startsWith("#")) return undefined;
    let here: unknown = this.root;
    for (const part of ref.slice(1).split("/").filter((p) => p !== "")) {
      const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      here = isDict(here) || Array.isArray(here) ? (here as Dict)[key] : undefined;
    }
    return here;
  }

  check(value: unknown, schema: unknown, path: string, depth: number): void {
    if (depth > MAX_DEPTH) {
      this.unchecked.add("depth");
      return;
    }
    if (schema === false) this.report(path, "is not allowed");
    if (!isDict(schema)) return;
    for (const [word, rule] of Object.entries(schema)) {
      if (!this.keyword(word, rule, value, schema, path, depth) && !ANNOTATIONS.has(word)) this.unchecked.add(word);
    }
  }

  private keyword(word: string, rule: unknown, value: unknown, schema: Dict, path: string, depth: number): boolean {
    return (
      this.anyValue(word, rule, value, path, depth) ||
      this.ofNumber(word, rule, value, path) ||
      this.ofString(word, rule, value, path) ||
      this.ofArray(word, rule, value, schema, path, depth) ||
      this.ofObject(word, rule, value, schema, path, depth)
    );
  }

  private anyValue(word: string, rule: unknown, value: unknown, path: string, depth: number): boolean {
    const rules = Array.isArray(rule) ? rule : [];
    const count = (): number => rules.filter((r) => this.passes(value, r, depth + 1)).length;
    if (word === "$ref" && typeof rule === "string") {
      const target = this.target(rule);
      if (target === undefined) this.unchecked.add("$ref");
      else this.check(value, target, path, depth + 1);
    } else if (word === "type") {
      const types = Array.isArray(rule) ? rule : [rule];
      if (!types.some((type) => hasType(value, type))) {
        this.report(path, `is ${typeOf(value)}, expected ${types.join(" or ")}`);
      }
    } else if (word === "enum") {
      if (!rules.some((allowed) => same(allowed, value))) this.report(path, "is not one of the allowed values");
    } else if (word === "const") {
      if (!same(rule, value)) this.report(path, `is not ${JSON.stringify(rule)}`);
    } else if (word === "allOf") {
      for (const part of rules) this.check(value, part, path, depth + 1);
    } else if (word === "anyOf") {
      if (count() === 0) this.report(path, "matches none of the alternatives");
    } else if (word === "oneOf") {
      if (count() !== 1) this.report(path, "does not match exactly one alternative");
    } else if (word === "not") {
      if (this.passes(value, rule, depth + 1)) this.report(path, "matches what is forbidden");
    } else {
      return false;
    }
    return true;
  }

  private ofNumber(word: string, rule: unknown, value: unknown, path: string): boolean {
    if (!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"].includes(word)) return false;
    if (typeof value !== "number" || typeof rule !== "number") return true;
    const good =
      word === "minimum" ? value >= rule
      : word === "maximum" ? value <= rule
      : word === "exclusiveMinimum" ? value > rule
      : word === "exclusiveMaximum" ? value < rule
      : Math.abs(value / rule - Math.round(value / rule)) < 1e-9;
    if (!good) this.report(path, `is ${value}, ${word} is ${rule}`);
    return true;
  }

  private ofString(word: string, rule: unknown, value: unknown, path: string): boolean {
    if (!["minLength", "maxLength", "pattern"].includes(word)) return false;
    if (typeof value !== "string") return true;
    if (word === "pattern") {
      try {
        if (!new RegExp(String(rule), "u").test(value)) this.report(path, `does not match ${String(rule)}`);
      } catch {
        this.unchecked.add("pattern");
      }
      return true;
    }
    const length = [...value].length;
    if (word === "minLength" ? length < Number(rule) : length > Number(rule)) {
      this.report(path, `has ${length} characters, ${word} is ${String(rule)}`);
    }
    return true;
  }

  private ofArray(word: string, rule: unknown, value: unknown, schema: Dict, path: string, depth: number): boolean {
    if (!["items", "prefixItems", "minItems", "maxItems", "uniqueItems"].includes(word)) return false;
    if (!Array.isArray(value)) return true;
    const prefix = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : [];
    if (word === "items") {
      value.forEach((item, i) => i >= prefix.length && this.check(item, rule, `${path}/${i}`, depth + 1));
    } else if (word === "prefixItems") {
      prefix.forEach((part, i) => i < value.length && this.check(value[i], part, `${path}/${i}`, depth + 1));
    } else if (word === "uniqueItems") {
      const twice = value.some((item, i) => value.slice(0, i).some((other) => same(item, other)));
      if (rule === true && twice) this.report(path, "has an item twice");
    } else if (word === "minItems" ? value.length < Number(rule) : value.length > Number(rule)) {
      this.report(path, `has ${value.length} items, ${word} is ${String(rule)}`);
    }
    return true;
  }

  private ofObject(word: string, rule: unknown, value: unknown, schema: Dict, path: string, depth: number): boolean {
    if (!["properties", "required", "additionalProperties", "minProperties", "maxProperties"].includes(word)) return false;
    if (!isDict(value)) return true;
    const known = isDict(schema["properties"]) ? schema["properties"] : {};
    if (word === "properties") {
      for (const [key, part] of Object.entries(known)) {
        if (Object.hasOwn(value, key)) this.check(value[key], part, `${path}/${key}`, depth + 1);
      }
    } else if (word === "required" && Array.isArray(rule)) {
      for (const key of rule) if (!Object.hasOwn(value, String(key))) this.report(path, `lacks "${String(key)}"`);
    } else if (word === "additionalProperties") {
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(known, key)) continue;
        if (rule === false) this.report(path, `has "${key}", which the schema does not know`);
        else this.check(value[key], rule, `${path}/${key}`, depth + 1);
      }
    } else if (word !== "required") {
      const count = Object.keys(value).length;
      if (word === "minProperties" ? count < Number(rule) : count > Number(rule)) {
        this.report(path, `has ${count} properties, ${word} is ${String(rule)}`);
      }
    }
    return true;
  }
}

export function checkSchema(value: unknown, schema: unknown): SchemaCheck {
  const checker = new Checker(schema);
  checker.check(value, schema, "", 0);
  return { problems: checker.problems, unchecked: [...checker.unchecked] };
}

/** "name, date, total" as a strict schema in which a field that is not there is null. */
export function schemaOfFields(names: readonly string[]): Dict {
  const properties: Dict = {};
  for (const name of names) properties[name] = { type: ["string", "null"] };
  return { type: "object", properties, required: [...names], additionalProperties: false };
}
