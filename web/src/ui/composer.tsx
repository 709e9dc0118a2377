// SPDX-License-Identifier: Apache-2.0
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { bytes, count, duration, t } from "../i18n";
import { ACCEPTED } from "../media/picture";
import { answering, current, editing, path } from "../state/app";
import {
  addFiles, clear, cost, edit, estimate, pictures, pickTask, schema, selection, send, sendable, setFields, task, text,
} from "../state/draft";
import { model, takesPictures, takesVideos } from "../state/server";
import { settings } from "../state/settings";
import { stopAnswer } from "../state/stream";
import { taskHint, taskName, TASKS } from "../tasks";
import { Attachments } from "./attachments";
import { IconButton, useDebounced } from "./bits";
import { Facts } from "./facts";
import { Icon } from "./icons";

const MAX_HEIGHT = 260;
const PICTURE_WAIT_MS = 60;
const TEXT_WAIT_MS = 500;

function CostLine() {
  const now = cost.value;
  if (now.state === "none") return <span class="cost" />;
  if (now.state === "counting") return <span class="cost">{t("cost.counting")}</span>;
  if (now.state === "failed") return <span class="cost" title={now.message}>{t("cost.failed", { message: now.message })}</span>;
  const { prompt_tokens = 0, max_model_len, kv_bytes = 0, predicted_ms, fits } = now.estimate;
  const limit = max_model_len ?? model.value?.max_model_len;
  if (fits === false) {
    return <span class="cost warn" role="alert">{t("cost.unfit", { prompt: count(prompt_tokens), max: count(limit ?? 0) })}</span>;
  }
  const total = limit
    ? t("cost.total", { prompt: count(prompt_tokens), max: count(limit), kv: bytes(kv_bytes) })
    : t("cost.total.nomax", { prompt: count(prompt_tokens), kv: bytes(kv_bytes) });
  const first = (predicted_ms?.vision ?? 0) + (predicted_ms?.prefill ?? 0);
  return (
    <span class="cost" data-testid="cost">
      <Facts of={[total, first > 0 ? t("cost.time", { time: duration(first) }) : ""]} />
    </span>
  );
}

function Tasks() {
  const row = useRef<HTMLDivElement>(null);
  // On a phone the row is wider than the screen; a task may also be picked elsewhere.
  useLayoutEffect(() => {
    row.current?.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [task.value]);
  return (
    <div class="tasks" role="group" aria-label={t("task.label")} ref={row}>
      {TASKS.map((id) => (
        <button key={id} type="button" aria-pressed={task.value === id} title={t(taskHint(id))} onClick={() => pickTask(id)}>
          <Icon name={id} size={16} />
          {t(taskName(id))}
        </button>
      ))}
    </div>
  );
}

function Fields() {
  if (task.value !== "fields") return null;
  const bad = schema.value === "bad";
  return (
    <div class="fields-row">
      <label for="fields">{t("fields.label")}</label>
      <textarea
        id="fields" rows={1} spellcheck={false} placeholder={t("fields.placeholder")} value={settings.value.fields}
        aria-invalid={bad} onInput={(event) => setFields(event.currentTarget.value)}
      />
      {bad && <span class="warn" role="status">{t("fields.bad")}</span>}
    </div>
  );
}

function openPicker(): void {
  document.getElementById("file-input")?.click();
}

export function attach(): void {
  openPicker();
}

function lastQuestion(): void {
  const last = path.value.filter((message) => message.role === "user").pop();
  if (last) edit(last);
}

function placeholder(): string {
  if (pictures.value.some((picture) => picture.clip)) return t("composer.placeholder.clip");
  return t(pictures.value.length > 0 ? "composer.placeholder" : "composer.placeholder.empty");
}

export function Composer() {
  const box = useRef<HTMLTextAreaElement>(null);
  const busy = answering.value;

  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, MAX_HEIGHT)}px`;
    area.style.overflowY = area.scrollHeight > MAX_HEIGHT ? "auto" : "hidden";
  }, [text.value, pictures.value.length]);

  useEffect(() => {
    const wanted = selection.value;
    if (!wanted || !box.current) return;
    selection.value = null;
    box.current.focus();
    box.current.setSelectionRange(wanted.from, wanted.to);
  }, [selection.value]);

  const fields = settings.value.fields;
  useDebounced(() => void estimate(), PICTURE_WAIT_MS, [pictures.value, task.value, model.value?.id, current.value?.id, editing.value]);
  useDebounced(() => void estimate(), TEXT_WAIT_MS, [text.value, fields]);

  const submit = (): void => {
    if (!busy && send()) box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const sends = settings.value.enterSends ? !event.shiftKey : event.ctrlKey || event.metaKey;
    if (event.key === "Enter" && sends && !event.altKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && text.value === "" && !editing.value) {
      event.preventDefault();
      lastQuestion();
    } else if (event.key === "Escape" && editing.value) {
      event.stopPropagation();
      clear();
    }
  };
  const onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void addFiles(files);
  };

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <Tasks />
      <div class="composer-card">
        {editing.value && (
          <div class="editing-line">
            <Icon name="edit" size={16} />
            <span>{t("composer.editing")}</span>
            <button type="button" class="link" onClick={clear}>{t("composer.cancel")}</button>
          </div>
        )}
        <Attachments />
        <Fields />
        <textarea
          ref={box} id="question" rows={1} value={text.value} aria-label={t("composer.label")}
          placeholder={placeholder()}
          onInput={(event) => (text.value = event.currentTarget.value)} onKeyDown={onKeyDown} onPaste={onPaste}
        />
        <div class="composer-row">
          <input
            id="file-input" type="file" accept={[...ACCEPTED, "video/*"].join()} multiple hidden
            onChange={(event) => { void addFiles(event.currentTarget.files ?? []); event.currentTarget.value = ""; }}
          />
          <IconButton icon="image" label={t("composer.attach")} disabled={!takesPictures.value && !takesVideos.value} onClick={openPicker} />
          <CostLine />
          {busy ? (
            <button type="button" class="send stop" aria-label={t("composer.stop")} title={t("composer.stop")} onClick={() => stopAnswer(busy.id)}>
              <Icon name="stop" size={20} />
            </button>
          ) : (
            <button type="submit" class="send" aria-label={t("composer.send")} title={t("composer.send")} disabled={!sendable.value}>
              <Icon name="send" size={20} />
            </button>
          )}
        </div>
      </div>
    </form>
  );
}
