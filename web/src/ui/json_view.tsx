// SPDX-License-Identifier: Apache-2.0
// A JSON answer: what it says about the picture drawn on it, its tree, its text, and whether it keeps to its schema.

import { useMemo, useState } from "preact/hooks";
import { t } from "../i18n";
import type { Picture } from "../media/picture";
import { findingsOf } from "../parse/findings";
import { lineOf, readJson, type JsonRead } from "../parse/json";
import { checkSchema } from "../parse/schema";
import { Badge, CopyButton, IconButton, saveFile, Tabs } from "./bits";
import { CodeText } from "./code_view";
import { PlacesView } from "./places_view";
import { StepsView } from "./steps_view";

const OPEN_DEPTH = 3;
const MANY = 200;

function Leaf({ value }: { value: unknown }) {
  if (typeof value === "string") return <span class="json-string">{JSON.stringify(value)}</span>;
  return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
}

function Node({ name, value, depth }: { name: string | null; value: unknown; depth: number }) {
  const label = name === null ? null : <span class="json-key">{name}: </span>;
  if (typeof value !== "object" || value === null) return <li class="json-leaf">{label}<Leaf value={value} /></li>;
  const list = Array.isArray(value);
  const entries = list ? value.map((item, i) => [String(i), item] as const) : Object.entries(value);
  const flat = list && entries.length <= 8 && entries.every(([, item]) => typeof item === "number");
  if (entries.length === 0) return <li class="json-leaf">{label}<span class="json-null">{list ? "[ ]" : "{ }"}</span></li>;
  if (flat) return <li class="json-leaf">{label}<span class="json-number">[{value.join(", ")}]</span></li>;
  return (
    <li>
      <details open={depth < OPEN_DEPTH && entries.length <= MANY}>
        <summary>{label}<span class="json-count">{t(list ? "json.items" : "json.keys", { n: entries.length })}</span></summary>
        <ul>{entries.map(([key, item]) => <Node key={key} name={key} value={item} depth={depth + 1} />)}</ul>
      </details>
    </li>
  );
}

export function JsonTree({ value }: { value: unknown }) {
  return <ul class="json-tree"><Node name={null} value={value} depth={0} /></ul>;
}

function Validity({ read, text, live, schema }: { read: JsonRead; text: string; live: boolean; schema: unknown }) {
  if (read.state === "part") {
    return live ? <Badge kind="wait">{t("json.part")}</Badge> : <Badge kind="bad">{t("json.cut")}</Badge>;
  }
  if (read.state === "bad") {
    const place = lineOf(text, read.at);
    return <Badge kind="bad" title={t("json.bad.at", { ...place, problem: read.problem })}>{t("json.bad")}</Badge>;
  }
  if (!read.strict) return <Badge kind="plain">{t("json.lenient")}</Badge>;
  if (schema === undefined) return <Badge kind="good">{t("json.valid")}</Badge>;
  const check = checkSchema(read.value, schema);
  if (check.problems.length > 0) return <Badge kind="bad" title={check.problems.join("\n")}>{t("json.mismatch")}</Badge>;
  if (check.unchecked.length > 0) return <Badge kind="plain" title={check.unchecked.join(", ")}>{t("json.partly")}</Badge>;
  return <Badge kind="good">{t("json.schema")}</Badge>;
}

function Problems({ read, text, schema }: { read: JsonRead; text: string; schema: unknown }) {
  if (read.state === "bad") {
    return <p class="note warn">{t("json.bad.at", { ...lineOf(text, read.at), problem: read.problem })}</p>;
  }
  if (read.state !== "whole" || schema === undefined) return null;
  const { problems } = checkSchema(read.value, schema);
  if (problems.length === 0) return null;
  return <ul class="problems">{problems.map((problem) => <li key={problem}>{problem}</li>)}</ul>;
}

type View = "places" | "steps" | "tree" | "source";

interface Props {
  text: string;
  live: boolean;
  pictures: readonly Picture[];
  schema: unknown;
}

export function JsonView({ text, live, pictures, schema }: Props) {
  const read = useMemo(() => readJson(text), [text]);
  const found = useMemo(() => findingsOf(read.value), [read]);
  const [picked, setPicked] = useState<View | null>(null);
  const views: View[] = [];
  if (found.places.length > 0) views.push("places");
  if (found.steps.length > 0) views.push("steps");
  views.push("tree", "source");
  const first = found.steps.length > 0 ? "steps" : read.state === "bad" && !live ? "source" : views[0]!;
  const view = picked && views.includes(picked) ? picked : first;
  const pretty = (): string => (read.state === "whole" ? JSON.stringify(read.value, null, 2) : text);
  const names: Record<View, string> = {
    places: t("places.title"), steps: t("steps.title"), tree: t("json.tree"), source: t("json.source"),
  };
  return (
    <section class="panel json-view" aria-label="JSON">
      <header>
        <Tabs label="JSON" tabs={views.map((id) => ({ id, label: names[id] }))} now={view} onPick={setPicked} />
        <span class="grow" />
        <Validity read={read} text={text} live={live} schema={schema} />
        <CopyButton text={pretty} />
        <IconButton
          icon="save" label={t("json.save")}
          onClick={() => saveFile(new Blob([pretty()], { type: "application/json" }), "answer.json")}
        />
      </header>
      <div class="panel-body">
        <Problems read={read} text={text} schema={schema} />
        {view === "places" && <PlacesView places={found.places} pictures={pictures} />}
        {view === "steps" && <StepsView steps={found.steps} pictures={pictures} />}
        {view === "tree" && (read.value === undefined ? <p class="note">{t("places.none")}</p> : <JsonTree value={read.value} />)}
        {view === "source" && <CodeText text={text} lang="json" live={live} />}
      </div>
    </section>
  );
}
