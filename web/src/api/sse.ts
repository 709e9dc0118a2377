// SPDX-License-Identifier: Apache-2.0
// Server-sent events out of a byte stream that may be cut anywhere. Only what an OpenAI stream uses: data lines,
// comments (": ping") and the closing [DONE].

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      pending += done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true });
      // A lone CR at the end may be the first half of CR LF.
      const whole = pending.endsWith("\r") ? pending.slice(0, -1) : pending;
      const lines = whole.split(/\r\n|\n|\r/);
      pending = lines.pop()! + pending.slice(whole.length);
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        if (line !== "" || data.length === 0) continue;
        const event = data.join("\n");
        data = [];
        if (event === "[DONE]") return;
        yield event;
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
