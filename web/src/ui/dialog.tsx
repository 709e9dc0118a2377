// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from "preact";
import { t, type Key } from "../i18n";
import "../style/dialog.css";
import { IconButton, useModal } from "./bits";

/** A modal window: the browser keeps the focus inside and closes it on Escape. */
export function Dialog({ title, onClose, children, class: name }: { title: Key; onClose: () => void; children: ComponentChildren; class?: string }) {
  const modal = useModal(onClose);
  return (
    <dialog
      {...modal} class={`dialog ${name ?? ""}`} aria-label={t(title)}
      onMouseDown={(event) => event.target === event.currentTarget && onClose()}
    >
      <div class="dialog-box">
        <header>
          <h2>{t(title)}</h2>
          <IconButton icon="close" label={t("settings.close")} onClick={onClose} />
        </header>
        <div class="dialog-body" tabIndex={-1} autofocus>{children}</div>
      </div>
    </dialog>
  );
}
