// SPDX-License-Identifier: Apache-2.0
// Draws cells as one SVG element with maxGraph: its shapes, connectors and routing, without its editor. Labels are plain
// text, wrapped here, because the library's own wrapping works through HTML.

import {
  ActorShape, BaseGraph, EdgeMarkerRegistry, EdgeStyleRegistry, Geometry, InternalEvent, Perimeter, Point, registerDefaultEdgeMarkers,
  registerDefaultEdgeStyles, registerDefaultPerimeters, registerDefaultShapes, ShapeRegistry, type AbstractCanvas2D,
  type Cell as GraphCell, type CellStyle,
} from "@maxgraph/core";
import { readDiagram, type Cell } from "../parse/drawio";

export interface Drawing {
  svg: SVGElement;
  width: number;
  height: number;
  /** Shapes that are not known here and became rectangles. */
  unknown: string[];
}

const PAPER = 16;
const FONT = "Helvetica, Arial, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif";

/** Straight-sided shapes of flow charts, as corners between 0 and 1. */
const OUTLINES: Record<string, [number, number][]> = {
  parallelogram: [[0.18, 0], [1, 0], [0.82, 1], [0, 1]],
  trapezoid: [[0.18, 0], [0.82, 0], [1, 1], [0, 1]],
  manualInput: [[0, 0.3], [1, 0], [1, 1], [0, 1]],
  step: [[0, 0], [0.85, 0], [1, 0.5], [0.85, 1], [0, 1], [0.15, 0.5]],
  offPageConnector: [[0, 0], [1, 0], [1, 0.65], [0.5, 1], [0, 0.65]],
  note: [[0, 0], [0.82, 0], [1, 0.25], [1, 1], [0, 1]],
};

function outlined(corners: [number, number][]): typeof ActorShape {
  return class extends ActorShape {
    override redrawPath(c: AbstractCanvas2D, _x: number, _y: number, w: number, h: number): void {
      corners.forEach(([x, y], i) => (i === 0 ? c.moveTo(x * w, y * h) : c.lineTo(x * w, y * h)));
      c.close();
    }
  };
}

class DocumentShape extends ActorShape {
  override redrawPath(c: AbstractCanvas2D, _x: number, _y: number, w: number, h: number): void {
    c.moveTo(0, 0);
    c.lineTo(w, 0);
    c.lineTo(w, h * 0.86);
    c.curveTo(w * 0.72, h * 0.7, w * 0.62, h * 1.12, 0, h * 0.94);
    c.close();
  }
}

/** Other names of what we can draw. */
const SAME: Record<string, string> = {
  rect: "rectangle", process: "rectangle", label: "rectangle", text: "rectangle", square: "rectangle", cylinder3: "cylinder", cylinder2: "cylinder",
  datastore: "cylinder", umlActor: "actor", decision: "rhombus", diamond: "rhombus", terminator: "rectangle", data: "parallelogram",
  start_1: "ellipse", start_2: "ellipse", on_page_reference: "ellipse", database: "cylinder", preparation: "hexagon",
  manual_input: "manualInput", off_page_reference: "offPageConnector", edgeLabel: "rectangle", group: "rectangle", connector: "connector",
};
const KNOWN = [
  "rectangle", "ellipse", "rhombus", "cylinder", "hexagon", "cloud", "triangle", "doubleEllipse", "swimlane", "actor", "line", "document",
  ...Object.keys(OUTLINES),
];
const PERIMETERS: Record<string, typeof Perimeter.RectanglePerimeter> = {
  ellipse: Perimeter.EllipsePerimeter, doubleEllipse: Perimeter.EllipsePerimeter, rhombus: Perimeter.RhombusPerimeter,
  hexagon: Perimeter.HexagonPerimeter, triangle: Perimeter.TrianglePerimeter,
};

let prepared = false;
function prepare(): void {
  if (prepared) return;
  prepared = true;
  registerDefaultShapes();
  registerDefaultPerimeters();
  registerDefaultEdgeStyles();
  registerDefaultEdgeMarkers();
  for (const [name, corners] of Object.entries(OUTLINES)) ShapeRegistry.add(name, outlined(corners));
  ShapeRegistry.add("document", DocumentShape);
}

const NUMBERS = [
  "strokeWidth", "fontSize", "fontStyle", "opacity", "fillOpacity", "strokeOpacity", "arcSize", "rotation", "startSize", "endSize",
  "exitX", "exitY", "entryX", "entryY", "spacing", "spacingTop", "spacingLeft", "spacingBottom", "spacingRight",
] as const;
const FLAGS = ["rounded", "dashed", "curved", "orthogonal", "horizontal", "endFill", "startFill", "flipH", "flipV"] as const;
const COLOURS = ["fillColor", "strokeColor", "fontColor"] as const;

function copyPlain(from: Record<string, string>, style: Record<string, unknown>): void {
  for (const key of NUMBERS) {
    const value = Number(from[key]);
    if (from[key] && Number.isFinite(value)) style[key] = value;
  }
  for (const key of FLAGS) if (from[key] === "0" || from[key] === "1") style[key] = from[key] === "1";
  for (const key of COLOURS) if (/^(?:#[0-9a-f]{3,8}|none|[a-z]{3,20})$/i.test(from[key] ?? "") && from[key] !== "default") style[key] = from[key];
  for (const key of ["align", "verticalAlign", "direction"]) if (/^[a-z]+$/.test(from[key] ?? "")) style[key] = from[key];
}

function shapeOf(style: Record<string, string>, unknown: Set<string>): string {
  const raw = (style["shape"] ?? "rectangle").replace(/^mxgraph\.flowchart\./, "");
  const name = SAME[raw] ?? raw;
  if (KNOWN.includes(name)) return name;
  unknown.add(raw);
  return "rectangle";
}

function vertexStyle(cell: Cell, unknown: Set<string>): CellStyle {
  const raw = cell.style["shape"] ?? "";
  const shape = shapeOf(cell.style, unknown);
  const bare = ["text", "edgeLabel", "group"].includes(raw);
  const style: Record<string, unknown> = {
    shape, fillColor: bare ? "none" : "#ffffff", strokeColor: bare ? "none" : "#1f2328", fontColor: "#1f2328", fontSize: 12,
    align: "center", verticalAlign: shape === "swimlane" ? "top" : "middle", fontFamily: FONT,
  };
  if (/terminator$/.test(raw)) Object.assign(style, { rounded: true, arcSize: 50 });
  const perimeter = PERIMETERS[shape];
  if (perimeter) style["perimeter"] = perimeter;
  copyPlain(cell.style, style);
  if (style["strokeColor"] !== "none" && bare && !cell.style["strokeColor"]) style["strokeColor"] = "none";
  return style as CellStyle;
}

function edgeStyle(cell: Cell): CellStyle {
  const style: Record<string, unknown> = {
    shape: "connector", strokeColor: "#1f2328", fontColor: "#1f2328", fontSize: 11, endArrow: "classic", fontFamily: FONT,
    align: "center", verticalAlign: "middle",
  };
  copyPlain(cell.style, style);
  for (const key of ["endArrow", "startArrow"] as const) {
    const arrow = cell.style[key];
    if (arrow === "none") style[key] = "none";
    else if (arrow && EdgeMarkerRegistry.get(arrow)) style[key] = arrow;
  }
  const routing = cell.style["edgeStyle"];
  if (routing && EdgeStyleRegistry.get(routing)) style["edgeStyle"] = routing;
  return style as CellStyle;
}

const pen = document.createElement("canvas").getContext("2d");

/** Breaks a label at spaces, or anywhere between Chinese characters, so that it fits a width. */
export function wrapLabel(text: string, width: number, fontSize: number): string {
  if (!pen || width <= 0) return text;
  pen.font = `${fontSize}px ${FONT}`;
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.match(/[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+|\s+/g) ?? []) {
      if (line.trim() !== "" && pen.measureText(line + word.trimEnd()).width > width) {
        lines.push(line.trim());
        line = "";
      }
      line += word;
    }
    lines.push(line.trim());
  }
  return lines.join("\n");
}

class Builder {
  readonly unknown = new Set<string>();
  private readonly made = new Map<string, GraphCell>();

  constructor(private readonly graph: BaseGraph, private readonly cells: readonly Cell[]) {}

  private parentOf(cell: Cell): GraphCell {
    return this.made.get(cell.parent) ?? this.graph.getDefaultParent();
  }

  private addVertex(cell: Cell): void {
    const style = vertexStyle(cell, this.unknown);
    const room = cell.width * (style.shape === "rhombus" ? 0.62 : 1) - 10;
    const text = cell.style["whiteSpace"] === "wrap" || cell.style["html"] === "1" || cell.text.length > 12
      ? wrapLabel(cell.text, room, Number(style.fontSize)) : cell.text;
    const vertex = this.graph.insertVertex({
      parent: this.parentOf(cell), id: cell.id, value: text, position: [cell.x, cell.y], size: [cell.width, cell.height], style,
      relative: cell.relative,
    });
    this.made.set(cell.id, vertex);
  }

  private addEdge(cell: Cell): void {
    const source = this.made.get(cell.source) ?? null;
    const target = this.made.get(cell.target) ?? null;
    if ((!source && !cell.from) || (!target && !cell.to)) return;
    const edge = this.graph.insertEdge({
      parent: this.graph.getDefaultParent(), id: cell.id, value: cell.text, source, target, style: edgeStyle(cell),
    });
    const geometry = edge.geometry?.clone() ?? new Geometry();
    geometry.relative = true;
    geometry.points = cell.points.map(([x, y]) => new Point(x, y));
    if (cell.from) geometry.sourcePoint = new Point(...cell.from);
    if (cell.to) geometry.targetPoint = new Point(...cell.to);
    this.graph.model.setGeometry(edge, geometry);
    this.made.set(cell.id, edge);
  }

  /** A label that lies on a line gets a light rim, by a style rule. */
  markEdgeLabels(): void {
    for (const cell of this.made.values()) {
      if (!cell.isEdge() && !cell.getParent()?.isEdge()) continue;
      this.graph.view.getState(cell)?.text?.node?.classList.add("edge-label");
    }
  }

  build(): void {
    const edges = new Set(this.cells.filter((cell) => cell.edge).map((cell) => cell.id));
    const vertices = this.cells.filter((cell) => cell.vertex && !edges.has(cell.parent));
    const ids = new Set(vertices.map((cell) => cell.id));
    // Parents first; a parent that is missing or inside itself counts as the page.
    let waiting = vertices;
    while (waiting.length > 0) {
      const later = waiting.filter((cell) => ids.has(cell.parent) && !this.made.has(cell.parent));
      const now = later.length === waiting.length ? waiting : waiting.filter((cell) => !later.includes(cell));
      for (const cell of now) this.addVertex(cell);
      waiting = later.length === waiting.length ? [] : later;
    }
    for (const cell of this.cells) if (cell.edge) this.addEdge(cell);
    for (const cell of this.cells) if (cell.vertex && edges.has(cell.parent)) this.addVertex({ ...cell, relative: true });
  }
}

export async function drawDiagram(xml: string): Promise<Drawing> {
  const cells = await readDiagram(xml);
  prepare();
  const stage = document.createElement("div");
  stage.className = "diagram-stage";
  document.body.append(stage);
  try {
    InternalEvent.disableContextMenu(stage);
    const graph = new BaseGraph({ container: stage });
    graph.setEnabled(false);
    graph.setHtmlLabels(false);
    graph.setCellsSelectable(false);
    const builder = new Builder(graph, cells);
    graph.batchUpdate(() => builder.build());
    builder.markEdgeLabels();
    const bounds = graph.getGraphBounds();
    const svg = stage.querySelector("svg");
    if (!svg) throw new Error("nothing was drawn");
    const width = Math.ceil(bounds.width) + 2 * PAPER;
    const height = Math.ceil(bounds.height) + 2 * PAPER;
    svg.setAttribute("viewBox", `${Math.floor(bounds.x) - PAPER} ${Math.floor(bounds.y) - PAPER} ${width} ${height}`);
    svg.removeAttribute("style");
    svg.remove();
    return { svg, width, height, unknown: [...builder.unknown] };
  } finally {
    stage.remove();
  }
}
