// SPDX-License-Identifier: Apache-2.0
// A picture from the store, and marks drawn over it. Marks live on the 0..1000 grid and the browser shows the picture
// upright, so they fit whatever the size, the zoom and the camera's orientation mark.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { IconButton } from "./bits";
import { knownUrl, urlOf, type Picture } from "../media/picture";
import { Icon } from "./icons";

export function useUrl(hash: string): string | null | undefined {
  const [url, setUrl] = useState<string | null | undefined>(knownUrl(hash) ?? undefined);
  useEffect(() => {
    let alive = true;
    void urlOf(hash).catch(() => null).then((found) => alive && setUrl(found));
    return () => void (alive = false);
  }, [hash]);
  return url;
}

export function Shown({ picture, alt }: { picture: Picture; alt?: string }) {
  const url = useUrl(picture.hash);
  if (url === null) {
    return (
      <span class="missing" role="img" aria-label={t("picture.missing")}>
        <Icon name="image" />
        {t("picture.missing")}
      </span>
    );
  }
  return <img src={url ?? undefined} alt={alt ?? picture.name} width={picture.width} height={picture.height} draggable={false} />;
}

interface MarkedProps {
  picture: Picture;
  children: ComponentChildren;
  /** Given where the picture can be opened large: a button for everybody, the whole picture for the mouse. */
  onOpen?: () => void;
}

/** The picture with `children` laid exactly over it. */
export function Marked({ picture, children, onOpen }: MarkedProps) {
  const ratio = picture.width / picture.height;
  return (
    <div class={`marked ${onOpen ? "opens" : ""}`} style={{ "--ratio": String(ratio), "--natural": `${picture.width}px` }}>
      <div class="marked-stage" onClick={onOpen}>
        <Shown picture={picture} />
        {children}
      </div>
      {onOpen && <IconButton class="stage-button" icon="zoom" label={t("picture.open", { name: picture.name })} onClick={onOpen} />}
    </div>
  );
}
