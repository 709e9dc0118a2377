// SPDX-License-Identifier: Apache-2.0
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { again, answering, asCode, panel, path, say, toast } from "../state/app";
import { addFiles } from "../state/draft";
import { change, settings } from "../state/settings";
import { stopAnswer } from "../state/stream";
import { copyText } from "./bits";
import { attach, Composer } from "./composer";
import { Icon } from "./icons";
import { NARROW, Sidebar, startNew, TopBar } from "./sidebar";
import { Thread } from "./thread";

function focusOn(id: string): void {
  document.getElementById(id)?.focus();
}

function lastReply() {
  return [...path.value].reverse().find((message) => message.role === "assistant");
}

function flipTheme(): void {
  const dark = settings.value.theme === "dark" ||
    (settings.value.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  change({ theme: dark ? "light" : "dark" });
}

const KEYS: Record<string, () => void> = {
  "?": () => (panel.value = "help"),
  "/": () => focusOn("question"),
  n: startNew,
  u: attach,
  s: () => (panel.value = "settings"),
  b: () => change({ sidebar: !settings.value.sidebar }),
  d: flipTheme,
  r: () => {
    const reply = lastReply();
    if (reply && !answering.value) again(reply);
  },
  c: () => {
    const reply = lastReply();
    if (reply) void copyText(reply.text).then((done) => done && say(t("answer.copied")));
  },
};

function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return target !== null && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    const busy = answering.value;
    if (busy) stopAnswer(busy.id);
    else if (settings.value.sidebar && matchMedia(NARROW).matches) change({ sidebar: false });
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    change({ sidebar: true });
    requestAnimationFrame(() => focusOn("search"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || !settings.value.singleKeys) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function useDropZone(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const listeners: Record<string, (event: DragEvent) => void> = {
      dragenter: (event) => {
        if (hasFiles(event) && ++depth > 0) setOver(true);
      },
      dragleave: (event) => {
        if (hasFiles(event) && --depth <= 0) setOver(false);
      },
      dragover: (event) => hasFiles(event) && event.preventDefault(),
      drop: (event) => {
        depth = 0;
        setOver(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        void addFiles(event.dataTransfer?.files ?? []);
        focusOn("question");
      },
    };
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener as EventListener);
    };
  }, []);
  return over;
}

/** The windows are fetched when the first one is opened. */
function PanelsWhenAsked() {
  const [Panels, setPanels] = useState<FunctionComponent | null>(null);
  const wanted = panel.value !== null || asCode.value !== null;
  useEffect(() => {
    if (wanted && !Panels) void import("./panels").then((module) => setPanels(() => module.default));
  }, [wanted, Panels]);
  return wanted && Panels ? <Panels /> : null;
}

function ToastView() {
  const now = toast.value;
  return (
    <div class="toast-place" role="status">
      {now && (
        <div class="toast">
          <span>{now.text}</span>
          {now.action && (
            <button type="button" class="link" onClick={() => { now.action?.run(); toast.value = null; }}>{now.action.label}</button>
          )}
        </div>
      )}
    </div>
  );
}

export function App() {
  const over = useDropZone();
  useEffect(() => {
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
  const open = settings.value.sidebar;
  return (
    <div class={`frame ${open ? "with-sidebar" : ""}`}>
      <a class="skip" href="#question" onClick={(event) => { event.preventDefault(); focusOn("question"); }}>{t("app.skip")}</a>
      {open && <Sidebar />}
      {open && <div class="shade" aria-hidden="true" onClick={() => change({ sidebar: false })} />}
      <main class="main">
        <TopBar />
        <Thread />
        <Composer />
      </main>
      {over && (
        <div class="drop-zone" aria-hidden="true">
          <div><Icon name="image" size={40} /><strong>{t("composer.drop")}</strong><span>{t("composer.drop.hint")}</span></div>
        </div>
      )}
      <PanelsWhenAsked />
      <ToastView />
    </div>
  );
}

