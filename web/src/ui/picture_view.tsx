// SPDX-License-Identifier: Apache-2.0
// A picture from the store, and marks drawn over it. Marks live on the 0..1000 grid and the browser shows the picture
// upright, so they fit whatever the size, the zoom and the camera's orientation mark.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
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

/** The picture with `children` laid exactly over it. */
export function Marked({ picture, children, label }: { picture: Picture; children: ComponentChildren; label: string }) {
  const ratio = picture.width / picture.height;
  return (
    <div class="marked" style={{ "--ratio": String(ratio), "--natural": `${picture.width}px` }}>
      <div class="marked-stage" role="img" aria-label={label}>
        <Shown picture={picture} alt="" />
        {children}
      </div>
    </div>
  );
}
