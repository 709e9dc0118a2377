// SPDX-License-Identifier: Apache-2.0
// Reads Draw.io XML into plain cells. Only names, numbers and plain text come out of it: no markup, no address, no code.

import { withoutNoise } from "../render/quiet";
import { trusted } from "../render/trusted";

export interface Cell {
  id: string;
  parent: string;
  text: string;
  vertex: boolean;
  edge: boolean;
  source: string;
  target: string;
  x: number;
  y: number;
  width: number;
  height: number;
  relative: boolean;
  points: [number, number][];
  from: [number, number] | null;
  to: [number, number] | null;
  style: Record<string, string>;
}

export class DiagramError extends Error {}

const MAX_CELLS = 2000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_EDGE = 1e5;

function parseXml(text: string): Element {
  const doc = new DOMParser().parseFromString(trusted(withoutNoise(text)), "text/xml");
  const problem = doc.querySelector("parsererror");
  if (problem) throw new DiagramError((problem.textContent ?? "XML").trim().split("\n").slice(0, 2).join(" ").slice(0, 160));
  return doc.documentElement;
}

async function inflate(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let size = 0; ; ) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MAX_BYTES) throw new DiagramError("the diagram is too large");
    text += decoder.decode(value, { stream: true });
  }
  return decodeURIComponent(text);
}

async function modelOf(text: string): Promise<Element> {
  if (text.length > MAX_BYTES) throw new DiagramError("the diagram is too large");
  const root = parseXml(text.trim());
  const name = root.tagName.toLowerCase();
  if (name === "mxgraphmodel" || name === "root") return root;
  if (name !== "mxfile") throw new DiagramError(`<${root.tagName}> is not <mxfile> or <mxGraphModel>`);
  const page = root.querySelector("diagram");
  if (!page) throw new DiagramError("no <diagram> inside");
  const inside = page.querySelector("mxGraphModel");
  if (inside) return inside;
  try {
    return parseXml(await inflate(page.textContent ?? ""));
  } catch (error) {
    if (error instanceof DiagramError) throw error;
    throw new DiagramError("the compressed diagram is damaged");
  }
}

/** A label without its markup: draw.io writes HTML into `value`. */
export function plainLabel(value: string): string {
  if (!/[<&]/.test(value)) return value;
  const spaced = value.replace(/<br[^>]*>|<\/(?:div|p|li|h[1-6]|tr)>/gi, "\n");
  const doc = new DOMParser().parseFromString(trusted(withoutNoise(spaced)), "text/html");
  for (const hidden of doc.querySelectorAll("script, style, template")) hidden.remove();
  return (doc.body.textContent ?? "").replace(/\u00a0/g, " ").replace(/\n{2,}/g, "\n").trim();
}

function styleOf(text: string): Record<string, string> {
  const style: Record<string, string> = {};
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    const key = (at < 0 ? part : part.slice(0, at)).trim();
    const value = at < 0 ? "" : part.slice(at + 1).trim();
    if (key === "") continue;
    if (at < 0) style["shape"] ??= key;
    else if (/^[\w#.,% +-]*$/.test(value)) style[key] = value;
  }
  return style;
}

function numberOf(element: Element | null, name: string): number {
  const value = Number(element?.getAttribute(name) ?? 0);
  return Number.isFinite(value) ? Math.min(MAX_EDGE, Math.max(-MAX_EDGE, value)) : 0;
}

function pointOf(element: Element | null): [number, number] | null {
  return element ? [numberOf(element, "x"), numberOf(element, "y")] : null;
}

function cellOf(element: Element): Cell {
  const wrapper = element.parentElement && /^(?:userobject|object)$/i.test(element.parentElement.tagName) ? element.parentElement : null;
  const geometry = element.querySelector("mxGeometry");
  const bends = geometry?.querySelector('Array[as="points"]');
  return {
    id: wrapper?.getAttribute("id") ?? element.getAttribute("id") ?? "",
    parent: element.getAttribute("parent") ?? "",
    text: plainLabel(wrapper?.getAttribute("label") ?? element.getAttribute("value") ?? ""),
    vertex: element.getAttribute("vertex") === "1",
    edge: element.getAttribute("edge") === "1",
    source: element.getAttribute("source") ?? "",
    target: element.getAttribute("target") ?? "",
    x: numberOf(geometry, "x"), y: numberOf(geometry, "y"),
    width: Math.abs(numberOf(geometry, "width")), height: Math.abs(numberOf(geometry, "height")),
    relative: geometry?.getAttribute("relative") === "1",
    points: [...(bends?.querySelectorAll("mxPoint") ?? [])].map((p) => pointOf(p)!),
    from: pointOf(geometry?.querySelector('mxPoint[as="sourcePoint"]') ?? null),
    to: pointOf(geometry?.querySelector('mxPoint[as="targetPoint"]') ?? null),
    style: styleOf(element.getAttribute("style") ?? ""),
  };
}

export async function readDiagram(text: string): Promise<Cell[]> {
  const model = await modelOf(text);
  const elements = [...model.querySelectorAll("mxCell")];
  if (elements.length > MAX_CELLS) throw new DiagramError(`more than ${MAX_CELLS} cells`);
  const cells = elements.map(cellOf).filter((cell) => cell.vertex || cell.edge);
  if (cells.length === 0) throw new DiagramError("it holds no shape");
  return cells;
}
