// SPDX-License-Identifier: Apache-2.0
// Boxes and points of an answer on the picture it is about, and the same as a list: touching one shows the other.

import { useState } from "preact/hooks";
import { t } from "../i18n";
import type { Picture } from "../media/picture";
import { toPixels, type Place } from "../parse/findings";
import { CopyButton, Tabs } from "./bits";
import { Marked } from "./picture_view";
import { Zoomed } from "./zoomed";

const COLOURS = 8;
/** A finger does not hover: there a touch lights a place until something else is touched. */
const hovers = matchMedia("(hover: hover)").matches;

/** One colour per label, in the order in which labels appear. */
export function colourIndex(places: readonly Place[]): (place: Place) => number {
  const labels = [...new Set(places.map((place) => place.label))];
  return (place) => labels.indexOf(place.label) % COLOURS;
}

function pixels(place: Place, picture: Picture): number[] {
  const from = toPixels(place.from, picture.width, picture.height);
  return place.kind === "point" ? [...from] : [...from, ...toPixels(place.to, picture.width, picture.height)];
}

function grid(place: Place): number[] {
  return place.kind === "point" ? [...place.from] : [...place.from, ...place.to];
}

interface MarksProps {
  places: readonly Place[];
  lit: number | null;
  labels: boolean;
  onLight: (index: number | null) => void;
}

export function Marks({ places, lit, labels, onLight }: MarksProps) {
  const colour = colourIndex(places);
  return (
    <div class={`marks ${lit === null ? "" : "some-lit"}`}>
      {places.map((place, i) => {
        const [x, y] = place.from;
        const style = {
          left: `${x / 10}%`, top: `${y / 10}%`,
          width: `${(place.to[0] - x) / 10}%`, height: `${(place.to[1] - y) / 10}%`,
        };
        return (
          <div
            key={i} class={`mark ${place.kind} ${lit === i ? "lit" : ""}`} data-colour={colour(place)} style={style}
            data-place={grid(place).join(",")} onMouseEnter={() => hovers && onLight(i)} onMouseLeave={() => hovers && onLight(null)}
          >
            {(labels || lit === i) && (
              <span class={`mark-label ${y < 40 ? "inside" : ""} ${x > 700 ? "from-right" : ""}`}>
                {place.label || i + 1}
              </span>
            )}
          </div>
        );
      })}
    </div>
  );
}

interface Props {
  places: readonly Place[];
  pictures: readonly Picture[];
}

export function PlacesView({ places, pictures }: Props) {
  const [lit, setLit] = useState<number | null>(null);
  const [labels, setLabels] = useState(places.length <= 24);
  const [unit, setUnit] = useState<"pixels" | "grid">("pixels");
  const [chosen, setChosen] = useState(0);
  const [zoomed, setZoomed] = useState(false);
  const picture = pictures[chosen] ?? pictures[0];
  if (!picture) return <p class="note">{t("places.nopicture")}</p>;

  const index = pictures.indexOf(picture);
  const shown = places.filter((place) => place.picture === null || pictures.length === 1 || place.picture === index);
  const colour = colourIndex(shown);
  const marks = <Marks places={shown} lit={lit} labels={labels} onLight={setLit} />;
  const asPixels = (): string =>
    JSON.stringify(shown.map((place) => ({ label: place.label, [place.kind]: pixels(place, picture) })), null, 2);

  return (
    <div class="places">
      {pictures.length > 1 && (
        <Tabs
          label={t("places.title")} now={String(index)} onPick={(id) => setChosen(Number(id))}
          tabs={pictures.map((p, i) => ({ id: String(i), label: p.name || t("places.picture", { n: i + 1 }) }))}
        />
      )}
      <div class="beside">
        <Marked picture={picture} onOpen={() => setZoomed(true)}>{marks}</Marked>
        <div class="beside-list">
          <div class="row small">
            <strong>{t("places.count", { n: shown.length })}</strong>
            <span class="grow" />
            <label class="check"><input type="checkbox" checked={labels} onChange={() => setLabels(!labels)} />{t("places.labels")}</label>
          </div>
          <ol class="place-list" aria-label={t("places.list")}>
            {shown.map((place, i) => (
              <li key={i} class={lit === i ? "lit" : ""} data-colour={colour(place)}>
                <button
                  type="button" aria-pressed={lit === i} onClick={() => setLit(i)}
                  onFocus={() => setLit(i)} onBlur={() => setLit(null)}
                  onMouseEnter={() => hovers && setLit(i)} onMouseLeave={() => hovers && setLit(null)}
                >
                  <span class="swatch" aria-hidden="true" />
                  <span class="place-name">{place.label || t("places.unnamed")}</span>
                  <code>{(unit === "pixels" ? pixels(place, picture) : grid(place)).join(", ")}</code>
                  {place.clamped && <span class="warn">{t("places.clamped")}</span>}
                </button>
              </li>
            ))}
          </ol>
          <div class="row small">
            <Tabs
              label={t("places.title")} now={unit} onPick={setUnit}
              tabs={[{ id: "pixels", label: t("places.pixels") }, { id: "grid", label: t("places.grid") }]}
            />
            <span class="grow" />
            <CopyButton text={asPixels} label={t("places.copy")} />
          </div>
        </div>
      </div>
      {zoomed && <Zoomed picture={picture} onClose={() => setZoomed(false)}>{marks}</Zoomed>}
    </div>
  );
}
