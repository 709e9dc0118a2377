// SPDX-License-Identifier: Apache-2.0
// What goes along with the question being written: pictures, videos as frames, and videos still being cut.

import { bytes, count, t } from "../i18n";
import { LONG_RATIO, type Picture } from "../media/picture";
import { branch, cancelCut, cost, cutting, halve, pictures, removePicture, type Cutting } from "../state/draft";
import { IconButton } from "./bits";
import { clipFacts, ClipMark } from "./clip_mark";
import { Facts } from "./facts";
import { Icon } from "./icons";
import { Shown } from "./picture_view";

function pictureFacts(picture: Picture): string {
  const known = cost.value.state === "known" ? cost.value.estimate.images : undefined;
  // The estimate covers the whole branch; the draft's pictures are the last of it.
  const still = pictures.value.filter((p) => !p.clip);
  const mine = known?.[known.length - still.length + still.indexOf(picture)];
  if (!mine) return `${picture.width}×${picture.height} · ${bytes(picture.bytes)}`;
  return t("cost.picture", {
    w: picture.width, h: picture.height, sw: mine.sent_width, sh: mine.sent_height, tokens: count(mine.tokens),
  });
}

/** The server counts all videos together, so only one alone has a number of its own. */
function tokensOfClip(): string {
  const tokens = cost.value.state === "known" ? cost.value.estimate.video_tokens : undefined;
  const clips = [...branch().flatMap((message) => message.pictures), ...pictures.value].filter((p) => p.clip).length;
  return tokens && clips === 1 ? t("clip.tokens", { n: count(tokens) }) : "";
}

function Attachment({ picture }: { picture: Picture }) {
  const { clip, width, height, name, hash } = picture;
  const long = !clip && Math.max(width / height, height / width) > LONG_RATIO;
  return (
    <li class="attachment">
      <span class="attachment-image">
        <Shown picture={picture} alt="" />
        {clip && <ClipMark />}
      </span>
      <div>
        <span class="attachment-name">{name}</span>
        <span class="attachment-cost">{clip ? <Facts of={[...clipFacts(clip), tokensOfClip()]} /> : pictureFacts(picture)}</span>
        {clip && clip.times.length > 1 && cost.value.state === "known" && cost.value.estimate.fits === false && (
          <button type="button" class="link" onClick={() => void halve(picture)}>{t("clip.halve")}</button>
        )}
        {long && <span class="warn">{t("picture.long")}</span>}
      </div>
      <IconButton icon="close" label={t("composer.remove", { name })} onClick={() => removePicture(hash)} />
    </li>
  );
}

function CuttingView({ cut: { id, name, done, all } }: { cut: Cutting }) {
  return (
    <li class="attachment cutting">
      <span class="attachment-image"><Icon name="video" size={22} /></span>
      <div>
        <span class="attachment-name">{name}</span>
        <span class="attachment-cost">{all > 0 ? t("clip.cutting", { done, all }) : t("clip.opening")}</span>
        <progress aria-label={t("clip.progress", { name })} value={all > 0 ? done : undefined} max={all || 1} />
      </div>
      <IconButton icon="close" label={t("composer.remove", { name })} onClick={() => cancelCut(id)} />
    </li>
  );
}

export function Attachments() {
  if (pictures.value.length + cutting.value.length === 0) return null;
  return (
    <ul class="attachments">
      {pictures.value.map((picture) => <Attachment key={picture.hash} picture={picture} />)}
      {cutting.value.map((cut) => <CuttingView key={cut.id} cut={cut} />)}
    </ul>
  );
}
