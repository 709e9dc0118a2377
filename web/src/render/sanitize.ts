// SPDX-License-Identifier: Apache-2.0
// What a model wrote is hostile until it has passed here: after the Markdown is rendered, never before.

import DOMPurify, { type Config } from "dompurify";
import { withoutNoise } from "./quiet";
import { policy } from "./trusted";

const TAGS = (
  "a abbr article b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure h1 " +
  "h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp section small span strong sub summary sup table " +
  "tbody td tfoot th thead time tr u ul var wbr"
).split(" ");

// No class, id, style or name: an answer must not look or act like a part of the page.
const ATTRIBUTES = "align alt colspan data-display data-remote data-tex datetime dir href lang open rowspan scope start title".split(" ");

const COMMON: Config = { TRUSTED_TYPES_POLICY: policy as never, RETURN_TRUSTED_TYPE: false };

const PROSE: Config = {
  ...COMMON, ALLOWED_TAGS: TAGS, ALLOWED_ATTR: ATTRIBUTES, ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href"), RETURN_DOM_FRAGMENT: true,
};
const MATH: Config = { ...COMMON, USE_PROFILES: { mathMl: true }, ADD_ATTR: ["class"], FORBID_TAGS: ["img"], FORBID_ATTR: ["href"], RETURN_DOM_FRAGMENT: true };
const TOKENS: Config = { ...COMMON, ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], RETURN_DOM_FRAGMENT: true };
const PAGE: Config = {
  ...COMMON, WHOLE_DOCUMENT: true, ADD_TAGS: ["style"], ADD_ATTR: ["target"], FORCE_BODY: false,
  FORBID_TAGS: [
    "script", "iframe", "frame", "object", "embed", "link", "meta", "base", "template", "noscript", "video", "audio", "source",
    "track", "animate", "animatetransform", "animatemotion", "set", "use", "image", "feimage", "foreignobject",
  ],
  FORBID_ATTR: ["srcset", "ping", "poster", "action", "formaction", "background", "target", "xlink:href", "autofocus"],
};

let cleaning: "prose" | "page" | "other" = "other";

/** Style rules may not name an address: no picture, font or sheet is fetched. */
export function cleanCss(css: string): string {
  return css
    .replace(/\\([0-9a-f]{1,6})\s?/gi, (whole, hex: string) => {
      const code = Number.parseInt(hex, 16);
      return code > 0x20 && code < 0x7f && code !== 0x22 && code !== 0x27 ? String.fromCharCode(code) : whole;
    })
    .replace(/\\([g-z@(:/])/gi, "$1")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/@(?:import|namespace)[^;]*(?:;|$)/gi, "")
    .replace(/(?:-webkit-)?(?:image-set|cross-fade|element|src)\s*\(/gi, "none(")
    .replace(/url\s*\(\s*(?!["']?data:image\/)(?:"[^"]*"|'[^']*'|[^)]*)\s*\)?/gi, "none");
}

DOMPurify.addHook("uponSanitizeElement", (node, data) => {
  if (cleaning === "page" && data.tagName === "style" && node.textContent) node.textContent = cleanCss(node.textContent);
});

DOMPurify.addHook("uponSanitizeAttribute", (node, data) => {
  if (cleaning === "prose" && data.attrName === "src") {
    node.setAttribute("data-remote", data.attrValue);
    data.keepAttr = false;
  }
  if (cleaning !== "page") return;
  if (data.attrName === "src" && !/^data:image\/(?:png|jpeg|gif|webp|bmp);/i.test(data.attrValue)) data.keepAttr = false;
  if (data.attrName === "href" && !data.attrValue.startsWith("#")) data.keepAttr = false;
  if (data.attrName === "style") data.attrValue = cleanCss(data.attrValue);
  if (/url\s*\(/i.test(data.attrValue) && data.attrName !== "style" && !/url\s*\(\s*["']?#/i.test(data.attrValue)) data.keepAttr = false;
});

function run<T>(kind: typeof cleaning, html: string, config: Config): T {
  cleaning = kind;
  try {
    return DOMPurify.sanitize(withoutNoise(html), config) as unknown as T;
  } finally {
    cleaning = "other";
  }
}

export const cleanProse = (html: string): DocumentFragment => run("prose", html, PROSE);
export const cleanMath = (html: string): DocumentFragment => run("other", html, MATH);
export const cleanTokens = (html: string): DocumentFragment => run("other", html, TOKENS);

const FRAME_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'";

/** A whole page for the preview frame: no script, no address that could be fetched, and a policy that says so again. */
export function cleanPage(html: string): string {
  const clean = run<string>("page", html, PAGE);
  const head = `<meta http-equiv="Content-Security-Policy" content="${FRAME_POLICY}"><meta charset="utf-8">`;
  return `<!doctype html>${clean.replace(/<head[^>]*>/i, (open) => `${open}${head}`)}`;
}
