// SPDX-License-Identifier: Apache-2.0
// The windows over the page: settings, server status, keyboard help, the request as code.

import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, count, duration, lang, t, type Key, type Lang } from "../i18n";
import "../i18n/panels";
import { asCode, chats, clearAll, current, exportAll, importAll, panel, pictureCount, say } from "../state/app";
import { bodyOf } from "../state/body";
import { pathTo, type Message } from "../state/chat";
import { link, model, refresh, status } from "../state/server";
import { change, RANGES, settings, type NumberSetting, type Theme } from "../state/settings";
import { cutCommand, LANGUAGES, placeholder, snippet, type Language } from "../snippets";
import { CopyButton, saveFile, Tabs } from "./bits";
import { CodeText } from "./code_view";
import { Dialog } from "./dialog";

const NUMBERS: NumberSetting[] = ["temperature", "top_p", "top_k", "max_tokens"];

function NumberField({ name }: { name: NumberSetting }) {
  const { min, max, step } = RANGES[name];
  const [bad, setBad] = useState(false);
  const value = settings.value[name];
  const given = status.value?.defaults?.[name];
  const hint = given === undefined ? t("settings.default.none")
    : name === "max_tokens" && given === 0 ? t("settings.default.open")
    : t("settings.default", { value: given });
  const onInput = (event: { currentTarget: HTMLInputElement }): void => {
    const typed = event.currentTarget.value;
    const number = Number(typed);
    const good = typed === "" ? event.currentTarget.validity.valid : number >= min && number <= max && (step < 1 || Number.isInteger(number));
    setBad(!good);
    if (good) change({ [name]: typed === "" ? null : number });
  };
  return (
    <div class="field">
      <label for={`set-${name}`}>{t(`settings.${name}`)}</label>
      <input
        id={`set-${name}`} type="number" inputMode="decimal" min={min} max={max} step="any" placeholder={hint}
        value={value ?? ""} onInput={onInput} aria-invalid={bad} aria-describedby={bad ? `bad-${name}` : undefined}
      />
      {bad && <span class="warn" id={`bad-${name}`} role="status">{t("settings.range", { min, max })}</span>}
    </div>
  );
}

function DataSection() {
  const input = useRef<HTMLInputElement>(null);
  const [sure, setSure] = useState(false);
  const save = async (): Promise<void> => saveFile(await exportAll(), `monocle-chats-${new Date().toISOString().slice(0, 10)}.json`);
  const load = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    const n = await importAll(await file.text());
    say(n === null ? t("settings.import.bad") : t("settings.imported", { n }));
  };
  const wipe = (): void => {
    if (sure) void clearAll().then(() => setSure(false));
    else setSure(true);
  };
  return (
    <fieldset>
      <legend>{t("settings.data")}</legend>
      <p class="hint">{t("settings.data.hint", { chats: chats.value.length, pictures: pictureCount.value })}</p>
      <div class="row wrap">
        <button type="button" class="button" onClick={() => void save()}>{t("settings.export")}</button>
        <button type="button" class="button" onClick={() => input.current?.click()}>{t("settings.import")}</button>
        <button type="button" class="button danger" disabled={chats.value.length === 0} onClick={wipe}>
          {t(sure ? "settings.clear.sure" : "settings.clear")}
        </button>
        <input
          ref={input} id="import-input" type="file" accept="application/json,.json" hidden
          onChange={(event) => { void load(event.currentTarget.files?.[0]); event.currentTarget.value = ""; }}
        />
      </div>
    </fieldset>
  );
}

function SettingsPanel({ onClose }: { onClose: () => void }) {
  const now = settings.value;
  const themes: Theme[] = ["auto", "light", "dark"];
  const languages: { id: Lang; label: string }[] = [{ id: "en", label: "English" }, { id: "zh", label: "中文" }];
  return (
    <Dialog title="settings.title" onClose={onClose}>
      <fieldset>
        <legend>{t("settings.look")}</legend>
        <div class="field inline">
          <span>{t("settings.language")}</span>
          <Tabs label={t("settings.language")} tabs={languages} now={lang.value} onPick={(id) => (lang.value = id)} />
        </div>
        <div class="field inline">
          <span>{t("settings.theme")}</span>
          <Tabs
            label={t("settings.theme")} now={now.theme} onPick={(theme) => change({ theme })}
            tabs={themes.map((id) => ({ id, label: t(`theme.${id}` as Key) }))}
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>{t("settings.answers")}</legend>
        <div class="field-grid">{NUMBERS.map((name) => <NumberField key={name} name={name} />)}</div>
        <div class="field">
          <label for="set-system">{t("settings.system")}</label>
          <textarea id="set-system" rows={2} value={now.system} onInput={(e) => change({ system: e.currentTarget.value })} aria-describedby="hint-system" />
          <span class="hint" id="hint-system">{t("settings.system.hint")}</span>
        </div>
        <label class="check"><input type="checkbox" checked={now.enterSends} onChange={() => change({ enterSends: !now.enterSends })} />{t("settings.enter")}</label>
        <label class="check"><input type="checkbox" checked={now.singleKeys} onChange={() => change({ singleKeys: !now.singleKeys })} />{t("settings.keys")}</label>
      </fieldset>
      <fieldset>
        <legend>{t("settings.server")}</legend>
        <div class="field">
          <label for="set-key">{t("settings.key")}</label>
          <input
            id="set-key" type="password" autocomplete="off" value={now.key} aria-describedby="hint-key"
            onInput={(e) => change({ key: e.currentTarget.value })} onChange={refresh}
          />
          <span class="hint" id="hint-key">{t("settings.key.hint")}</span>
        </div>
      </fieldset>
      <DataSection />
    </Dialog>
  );
}

function Meter({ label, text, part }: { label: string; text: string; part: number }) {
  return (
    <div class="meter-row">
      <span>{label}</span>
      <span class="meter" role="img" aria-label={`${Math.round(part * 100)} %`}><span style={{ width: `${Math.min(100, part * 100)}%` }} /></span>
      <span class="hint">{text}</span>
    </div>
  );
}

function StatusPanel({ onClose }: { onClose: () => void }) {
  const now = status.value;
  const queue = { running: now?.queue?.running ?? 0, max: now?.queue?.max_running ?? 0, waiting: now?.queue?.waiting ?? 0 };
  const kv = { total: now?.kv_blocks?.total ?? 0, used: now?.kv_blocks?.used ?? 0, cached: now?.kv_blocks?.cached ?? 0 };
  const memory = now?.memory;
  const rows: [Key, string][] = [
    ["status.model", model.value ? `${model.value.id}${model.value.demo ? ` · ${t("demo.short")}` : ""}` : "–"],
    ["status.device", now?.device ?? "–"],
    ["status.context", model.value?.max_model_len ? t("status.context.text", { n: count(model.value.max_model_len) }) : "–"],
    ["status.version", now?.version ?? "–"],
    ["status.uptime", now?.uptime_s === undefined ? "–" : duration(now.uptime_s * 1000)],
  ];
  return (
    <Dialog title="status.title" onClose={onClose}>
      {link.value === "offline" && <p class="note warn" role="status">{t("error.unreachable")}</p>}
      {link.value === "locked" && <p class="note warn" role="status">{t("error.key")}</p>}
      <dl class="facts">{rows.map(([key, value]) => <div key={key}><dt>{t(key)}</dt><dd>{value}</dd></div>)}</dl>
      {now && (
        <>
          <Meter label={t("status.queue")} part={queue.max > 0 ? queue.running / queue.max : 0} text={t("status.queue.text", queue)} />
          <Meter
            label={t("status.kv")} part={kv.total > 0 ? kv.used / kv.total : 0}
            text={t("status.kv.text", { used: count(kv.used), total: count(kv.total), cached: count(kv.cached) })}
          />
          {memory && (
            <div class="meter-row">
              <span>{t("status.memory")}</span>
              <span class="meter split" aria-hidden="true">
                <span style={{ flexGrow: String(memory.weights_bytes ?? 0) }} />
                <span style={{ flexGrow: String(memory.kv_bytes ?? 0) }} />
                <span style={{ flexGrow: String(Math.max(0, (memory.rss_bytes ?? 0) - (memory.weights_bytes ?? 0) - (memory.kv_bytes ?? 0))) }} />
              </span>
              <span class="hint">
                {t("status.memory.text", { rss: bytes(memory.rss_bytes ?? 0), weights: bytes(memory.weights_bytes ?? 0), kv: bytes(memory.kv_bytes ?? 0) })}
              </span>
            </div>
          )}
        </>
      )}
      <p class="hint"><a href="/assets/licenses.txt" target="_blank" rel="noopener">{t("status.licences")}</a></p>
    </Dialog>
  );
}

const SHORTCUTS: [string[], Key][] = [
  [["n"], "help.new"], [["/"], "help.focus"], [["Enter"], "help.send"], [["Shift", "Enter"], "help.line"], [["Ctrl", "V"], "help.paste"],
  [["u"], "help.attach"], [["Esc"], "help.stop"], [["↑"], "help.edit"], [["r"], "help.again"], [["c"], "help.copy"],
  [["Ctrl", "K"], "help.search"], [["b"], "help.sidebar"], [["d"], "help.theme"], [["s"], "help.settings"], [["?"], "help.help"],
];

function HelpPanel({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="help.title" onClose={onClose}>
      <dl class="keys">
        {SHORTCUTS.map(([keys, what]) => (
          <div key={what}><dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{t(what)}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}

/** How to make the frames that the code reads. */
function ClipNote({ path }: { path: Message[] }) {
  const picture = path.flatMap((m) => m.pictures).find((p) => p.clip);
  if (!picture?.clip) return null;
  const [before, after] = t("code.clip").split("{command}");
  return <p class="hint">{before}<code>{cutCommand(picture.name, picture.clip, picture.width, picture.height)}</code>{after}</p>;
}

function CodePanel({ id }: { id: string }) {
  const [language, setLanguage] = useState<Language>("curl");
  const [code, setCode] = useState("");
  const chat = current.value;
  const path = chat ? pathTo(chat, chat.messages[id]?.parent ?? null) : [];
  useEffect(() => {
    if (path.length === 0) return;
    const types = new Map(path.flatMap((m) => m.pictures.map((p) => [p.hash, p.mime] as const)));
    const address = (hash: string, name: string): string => placeholder(name, types.get(hash) ?? "image/png");
    void bodyOf(path, model.value?.id, address).then((body) => setCode(snippet(language, body, location.origin)));
  }, [language, id, chat]);
  const names: Record<Language, string> = { curl: "curl", python: "Python", javascript: "JavaScript" };
  return (
    <Dialog title="code.title" class="wide" onClose={() => (asCode.value = null)}>
      <div class="row wrap">
        <Tabs label={t("code.title")} now={language} onPick={setLanguage} tabs={LANGUAGES.map((l) => ({ id: l, label: names[l] }))} />
        <span class="grow" />
        <CopyButton text={() => code} label={t("code.copy")} withText />
      </div>
      <CodeText text={code} lang={language === "curl" ? "bash" : language} live={false} />
      <p class="hint">{t("code.note")} {t("code.key")}</p>
      <ClipNote path={path} />
    </Dialog>
  );
}

export default function Panels() {
  const close = (): void => void (panel.value = null);
  return (
    <>
      {panel.value === "settings" && <SettingsPanel onClose={close} />}
      {panel.value === "status" && <StatusPanel onClose={close} />}
      {panel.value === "help" && <HelpPanel onClose={close} />}
      {asCode.value !== null && <CodePanel id={asCode.value} />}
    </>
  );
}
