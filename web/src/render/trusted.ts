// SPDX-License-Identifier: Apache-2.0
// The only place that turns strings into markup. Under Trusted Types the browser refuses every other way. What passes
// here is either parsed into a document that runs nothing (DOMPurify, XML) or already sanitised (the preview frame).

interface TrustedHtml {
  toString(): string;
}

export interface Policy {
  createHTML: (text: string) => TrustedHtml;
  createScriptURL: (text: string) => TrustedHtml;
}

interface Factory {
  createPolicy: (name: string, rules: { createHTML: (s: string) => string; createScriptURL: () => never }) => Policy;
}

function refuse(): never {
  throw new TypeError("monocle loads no script by address");
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;

export const policy: Policy =
  factory?.createPolicy("monocle", { createHTML: (text) => text, createScriptURL: refuse }) ??
  { createHTML: (text) => text, createScriptURL: refuse };

/** For the browser's own parsers, whose types know only strings. */
export function trusted(text: string): string {
  return policy.createHTML(text) as unknown as string;
}
