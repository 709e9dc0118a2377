// SPDX-License-Identifier: Apache-2.0
// What the Node client scripts share: where the server is, and one printed line per check.
import fs from "node:fs";
import assert from "node:assert/strict";

export const url = process.env.MONOCLE_URL + "/v1";
export const key = process.env.MONOCLE_KEY;
export const model = "monocle-demo";
export const bytes = fs.readFileSync(process.env.MONOCLE_SAMPLES + "/line-en.png");
export const picture = "data:image/png;base64," + bytes.toString("base64");
export const question = "Read the text in the image.";
export const answer = "The small model reads this line.";
export const look = [
  {
    role: "user",
    content: [
      { type: "image_url", image_url: { url: picture } },
      { type: "text", text: question },
    ],
  },
];
export const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather of a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string", enum: ["Paris", "Rome"] } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

export async function check(name, run) {
  try {
    await run();
    console.log(`${name}\tok`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`${name}\tFAIL ${JSON.stringify(String(error?.message ?? error).slice(0, 300))}`);
    console.error(error);
  }
}

export { assert };
