// SPDX-License-Identifier: Apache-2.0
// Canned answers by the words of the question, for work on the page and for its tests. "mock:name" picks one by name.

const MARKDOWN = `## Summary

The invoice is **paid**. Three things stand out:

1. The total is *higher* than last month.

   It includes freight.

2. The due date is ~~2 May~~ 5 May.
3. See [the terms](https://example.com/terms).

| Item | Quantity | Price |
| :--- | ---: | ---: |
| Paper, A4, 80 g/m², 500 sheets | 12 | 48.00 |
| Ink | 3 | 96.50 |
| **Sum** | | **144.50** |

Inline maths $E = mc^2$ costs $5 or $7, and displayed:

$$
\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}
$$

\`\`\`python
def total(items):
    """Adds up."""
    return sum(price * n for price, n in items)  # 144.5
\`\`\`

- [x] read
- [ ] approve

> Quoted from the picture.

![chart](https://example.com/track.png?secret=1)
`;

const BOXES = [
  { bbox_2d: [62, 88, 438, 470], label: "red circle" },
  { bbox_2d: [560, 120, 900, 430], label: "blue square" },
  { bbox_2d: [540, 560, 880, 930], label: "red circle" },
  { point_2d: [250, 760], label: "star" },
];

const STEPS = [
  { op: "click", point: [500, 354], label: "Phone number" },
  { op: "type", point: [500, 354], label: "Phone number", text: "13800138000" },
  { op: "scroll", point: [500, 700], direction: "down" },
  { op: "drag", point: [200, 820], to: [820, 820], label: "Slider" },
  { op: "click", point: [500, 930], label: "Sign in" },
];

const HTML = `<!DOCTYPE html>
<html><head><title>Login</title><style>
body{font-family:sans-serif;background:#eef2f7;margin:0;display:grid;place-items:center;min-height:100vh}
.card{background:#fff;padding:24px;border-radius:12px;width:280px;box-shadow:0 2px 12px #0002}
input{width:100%;box-sizing:border-box;margin:6px 0;padding:8px}button{width:100%;padding:10px;background:#06c;color:#fff;border:0}
</style></head><body><div class="card"><h2>Sign in</h2>
<input placeholder="Phone number"><input type="password" placeholder="Password"><button>Sign in</button>
<script>parent.document.title = "owned"; alert(1)</script><img src="https://example.com/x.png" onerror="alert(2)">
</div></body></html>`;

const DIAGRAM = `<mxfile><diagram name="Order"><mxGraphModel><root><mxCell id="0"/><mxCell id="1" parent="0"/>
<mxCell id="a" value="Order received" style="ellipse;whiteSpace=wrap;html=1;fillColor=#d5e8d4;strokeColor=#82b366;" vertex="1" parent="1"><mxGeometry x="160" y="20" width="140" height="50" as="geometry"/></mxCell>
<mxCell id="b" value="In stock?" style="rhombus;whiteSpace=wrap;html=1;fillColor=#fff2cc;strokeColor=#d6b656;" vertex="1" parent="1"><mxGeometry x="170" y="110" width="120" height="80" as="geometry"/></mxCell>
<mxCell id="c" value="Pack and send&lt;br&gt;the parcel" style="rounded=1;whiteSpace=wrap;html=1;fillColor=#dae8fc;strokeColor=#6c8ebf;" vertex="1" parent="1"><mxGeometry x="40" y="240" width="140" height="60" as="geometry"/></mxCell>
<mxCell id="d" value="订购缺货商品并通知客户等待" style="shape=document;whiteSpace=wrap;html=1;fillColor=#f8cecc;strokeColor=#b85450;" vertex="1" parent="1"><mxGeometry x="290" y="240" width="140" height="70" as="geometry"/></mxCell>
<mxCell id="e" value="Invoice" style="shape=parallelogram;whiteSpace=wrap;html=1;" vertex="1" parent="1"><mxGeometry x="160" y="360" width="140" height="50" as="geometry"/></mxCell>
<mxCell id="f" value="Server" style="shape=mxgraph.cisco.server;html=1;" vertex="1" parent="1"><mxGeometry x="360" y="360" width="70" height="50" as="geometry"/></mxCell>
<mxCell id="e1" style="edgeStyle=orthogonalEdgeStyle;" edge="1" parent="1" source="a" target="b"><mxGeometry relative="1" as="geometry"/></mxCell>
<mxCell id="e2" value="yes" style="edgeStyle=orthogonalEdgeStyle;" edge="1" parent="1" source="b" target="c"><mxGeometry relative="1" as="geometry"/></mxCell>
<mxCell id="e3" value="no" style="edgeStyle=orthogonalEdgeStyle;" edge="1" parent="1" source="b" target="d"><mxGeometry relative="1" as="geometry"/></mxCell>
<mxCell id="e4" style="edgeStyle=orthogonalEdgeStyle;" edge="1" parent="1" source="c" target="e"><mxGeometry relative="1" as="geometry"/></mxCell>
<mxCell id="e5" style="edgeStyle=orthogonalEdgeStyle;" edge="1" parent="1" source="d" target="e"><mxGeometry relative="1" as="geometry"/></mxCell>
<mxCell id="e6" style="dashed=1;endArrow=open;" edge="1" parent="1" source="d" target="f"><mxGeometry relative="1" as="geometry"/></mxCell>
</root></mxGraphModel></diagram></mxfile>`;

const NAMED = {
  markdown: MARKDOWN,
  boxes: "Here they are:\n\n```json\n" + JSON.stringify(BOXES, null, 1) + "\n```\n",
  bareboxes: JSON.stringify(BOXES),
  corner: JSON.stringify([{ bbox_2d: [0, 0, 500, 500], label: "top left quarter" }]),
  steps: JSON.stringify(STEPS),
  call: 'I click the button.\n<tool_call>\n{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [512, 300]}}\n</tool_call>',
  html: "```html\n" + HTML + "\n```",
  drawio: "```xml\n" + DIAGRAM + "\n```",
  fields: '{"name": "Ada Lovelace", "date": "1843-09-05", "total": null}',
  badfields: '{"name": 7, "date": "1843-09-05"}',
  badjson: "```json\n{\"a\": 1,\n \"b\": oops}\n```",
  cutjson: '[{"bbox_2d": [10, 20, 300, 400], "label": "cat"}, {"bbox_2d": [400, 10, 700',
  long: Array.from({ length: 400 }, (_, i) => `Paragraph ${i} with some **bold** words and \`code\` in it.`).join("\n\n"),
  text: "ACME Ltd. Invoice 2024-117",
  chinese: "图中文字为:**发票号码 2024-117**,金额 `144.50` 元。",
  count: "3",
};

const WORDS = [
  [/^(?:extract|从图中提取)/i, "fields"],
  [/locate|定位/i, "boxes"],
  [/screenshot\. goal|屏幕截图/i, "steps"],
  [/html/i, "html"],
  [/draw\.io/i, "drawio"],
  [/how many|几个/i, "count"],
  [/读出/, "chinese"],
  [/read the text/i, "text"],
];

export function answerTo(question) {
  const named = /mock:(\w+)/.exec(question)?.[1];
  if (named && NAMED[named] !== undefined) return NAMED[named];
  return NAMED[WORDS.find(([pattern]) => pattern.test(question))?.[1] ?? "markdown"];
}
