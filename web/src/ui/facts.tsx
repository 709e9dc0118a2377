// SPDX-License-Identifier: Apache-2.0
// Facts in a row, "a · b · c": on a narrow screen the line breaks between them, never inside one.

export function Facts({ of }: { of: string[] }) {
  const facts = of.filter((text) => text !== "").join(" · ").split(" · ");
  return <>{facts.map((text, i) => [i > 0 && " ", <span class="fact">{i < facts.length - 1 ? `${text} ·` : text}</span>])}</>;
}
