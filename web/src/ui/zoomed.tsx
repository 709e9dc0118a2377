// SPDX-License-Identifier: Apache-2.0
// One picture over the whole window, fitted or pixel by pixel, with whatever is drawn on it.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import type { Picture } from "../media/picture";
import { IconButton, Tabs, useModal } from "./bits";
import { Marked } from "./picture_view";

interface Props {
  picture: Picture;
  onClose: () => void;
  children?: ComponentChildren;
}

export function Zoomed({ picture, onClose, children }: Props) {
  const modal = useModal(onClose);
  const [full, setFull] = useState(false);
  return (
    <dialog {...modal} class="zoomed" aria-label={picture.name}>
      <header>
        <strong>{picture.name}</strong>
        <span>{picture.width}×{picture.height}</span>
        <span class="grow" />
        <Tabs
          label={t("diagram.zoom.fit")} now={full ? "full" : "fit"} onPick={(id) => setFull(id === "full")}
          tabs={[{ id: "fit", label: t("diagram.zoom.fit") }, { id: "full", label: "100 %" }]}
        />
        <IconButton icon="close" label={t("picture.close")} onClick={onClose} />
      </header>
      <div class={`zoomed-body ${full ? "full" : "fit"}`} tabIndex={0}>
        <Marked picture={picture}>{children}</Marked>
      </div>
    </dialog>
  );
}
