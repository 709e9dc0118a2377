// SPDX-License-Identifier: Apache-2.0
// Small parts that many screens use.

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { say } from "../state/app";
import { Icon, type IconName } from "./icons";

/** navigator.clipboard exists only on https and localhost. */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Fall through to the older way.
  }
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "offscreen";
  const host = document.querySelector("dialog[open]") ?? document.body;
  host.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  return done;
}

export function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

interface ButtonProps {
  icon: IconName;
  label: string;
  onClick: (event: MouseEvent) => void;
  text?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  class?: string;
}

/** An icon with a name for everybody; with `text` the name is also seen. */
export function IconButton({ icon, label, onClick, text, disabled, pressed, class: name }: ButtonProps) {
  return (
    <button
      type="button" class={`icon-button ${text ? "with-text" : ""} ${name ?? ""}`} onClick={onClick} disabled={disabled ?? false}
      aria-label={text ? undefined : label} title={text ? undefined : label} aria-pressed={pressed}
    >
      <Icon name={icon} size={text ? 16 : 18} />
      {text && <span>{label}</span>}
    </button>
  );
}

export function CopyButton({ text, label, withText = false }: { text: () => string; label?: string; withText?: boolean }) {
  const [done, setDone] = useState(false);
  const copy = (): void => {
    void copyText(text()).then((good) => {
      if (!good) return;
      setDone(true);
      say(t("answer.copied"));
      setTimeout(() => setDone(false), 1500);
    });
  };
  return <IconButton icon={done ? "check" : "copy"} label={label ?? t("answer.copy")} onClick={copy} text={withText} />;
}

interface Tab<T extends string> {
  id: T;
  label: string;
}

export function Tabs<T extends string>({ tabs, now, onPick, label }: { tabs: Tab<T>[]; now: T; onPick: (id: T) => void; label: string }) {
  return (
    <div class="tabs" role="group" aria-label={label}>
      {tabs.map(({ id, label: name }) => (
        <button key={id} type="button" aria-pressed={id === now} onClick={() => onPick(id)}>{name}</button>
      ))}
    </div>
  );
}

export function Badge({ kind, children, title }: { kind: "good" | "bad" | "wait" | "plain"; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${kind}`} title={title}>
      {kind === "good" && <Icon name="check" size={14} />}
      {kind === "bad" && <Icon name="alert" size={14} />}
      {children}
    </span>
  );
}

/**
 * For a <dialog> that is open as long as it is there. Its close event arrives a moment after it closed: of a window that
 * is gone by then it means nothing, and must not close the next one.
 */
export function useModal(onClose: () => void): { ref: RefObject<HTMLDialogElement | null>; onClose: () => void } {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return { ref, onClose: () => void (ref.current && onClose()) };
}

/** Runs work after the hand has rested. */
export function useDebounced(work: () => void, ms: number, inputs: unknown[]): void {
  useEffect(() => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  }, inputs);
}
