// SPDX-License-Identifier: Apache-2.0
// Test pictures made in the browser: numbered quarters of known colours, so that a test can see where a place lands.

/** Draws in a page and returns the file's bytes. */
export async function draw(page, width, height, type = "image/png") {
  const base64 = await page.evaluate(([w, h, mime]) => {
    const canvas = document.createElement("canvas");
    canvas.width = w;
    canvas.height = h;
    const c = canvas.getContext("2d");
    c.fillStyle = "#e8eef5";
    c.fillRect(0, 0, w, h);
    const circle = (x, y, r, colour) => {
      c.fillStyle = colour;
      c.beginPath();
      c.ellipse((x / 1000) * w, (y / 1000) * h, (r / 1000) * w, (r / 1000) * h, 0, 0, 7);
      c.fill();
    };
    circle(250, 279, 180, "#d7373f");
    c.fillStyle = "#2d6cdf";
    c.fillRect(0.57 * w, 0.13 * h, 0.32 * w, 0.29 * h);
    circle(710, 745, 165, "#d7373f");
    c.fillStyle = "#e7b416";
    c.font = `${Math.round(h * 0.3)}px sans-serif`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText("★", 0.25 * w, 0.77 * h);
    return canvas.toDataURL(mime).split(",")[1];
  }, [width, height, type]);
  return Buffer.from(base64, "base64");
}

export async function screenshotOfForm(page, width = 540, height = 960) {
  const base64 = await page.evaluate(([w, h]) => {
    const canvas = document.createElement("canvas");
    canvas.width = w;
    canvas.height = h;
    const c = canvas.getContext("2d");
    const box = (x, y, bw, bh, fill, text, ink = "#333") => {
      c.fillStyle = fill;
      c.beginPath();
      c.roundRect((x - bw / 2) * w, (y - bh / 2) * h, bw * w, bh * h, 10);
      c.fill();
      c.fillStyle = ink;
      c.font = "22px sans-serif";
      c.textAlign = "center";
      c.textBaseline = "middle";
      c.fillText(text, x * w, y * h);
    };
    c.fillStyle = "#f4f6fa";
    c.fillRect(0, 0, w, h);
    box(0.5, 0.2, 0.5, 0.06, "#f4f6fa", "Welcome back");
    box(0.5, 0.354, 0.8, 0.07, "#fff", "Phone number", "#888");
    box(0.5, 0.45, 0.8, 0.07, "#fff", "Code", "#888");
    box(0.5, 0.7, 0.8, 0.2, "#e9edf5", "Terms of use …", "#888");
    box(0.5, 0.82, 0.7, 0.05, "#d7deea", "Slide to verify", "#777");
    box(0.5, 0.93, 0.8, 0.07, "#2563eb", "Sign in", "#fff");
    return canvas.toDataURL("image/png").split(",")[1];
  }, [width, height]);
  return Buffer.from(base64, "base64");
}

/** The same JPEG with an EXIF orientation mark (1..8), which a camera held sideways writes. */
export function withOrientation(jpeg, value) {
  const tiff = Buffer.alloc(26);
  tiff.write("II*\0", 0, "latin1");
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(1, 8);
  tiff.writeUInt16LE(0x0112, 10);
  tiff.writeUInt16LE(3, 12);
  tiff.writeUInt32LE(1, 14);
  tiff.writeUInt16LE(value, 18);
  const body = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const head = Buffer.from([0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 0xff]);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

export const file = (name, mimeType, buffer) => ({ name, mimeType, buffer });

async function record(page, seconds, width, height) {
  return page.evaluate(async ([s, w, h]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
    const c = canvas.getContext("2d");
    const started = performance.now();
    const step = () => {
      const part = Math.min(1, (performance.now() - started) / (s * 1000));
      c.fillStyle = `hsl(${200 + 60 * part} 60% 88%)`;
      c.fillRect(0, 0, w, h);
      c.fillStyle = "#d7373f";
      c.fillRect(part * 0.8 * w, 0.3 * h, 0.2 * w, 0.4 * h);
    };
    step();
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.start();
    const timer = setInterval(step, 40);
    await new Promise((resolve) => setTimeout(resolve, s * 1000));
    clearInterval(timer);
    await new Promise((resolve) => {
      recorder.onstop = resolve;
      recorder.stop();
    });
    const blob = new Blob(pieces);
    const video = Object.assign(document.createElement("video"), { src: URL.createObjectURL(blob), muted: true });
    await new Promise((resolve) => {
      video.onloadedmetadata = () => (video.currentTime = 1e9);
      video.onseeked = resolve;
    });
    const text = Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join("");
    return { base64: btoa(text), length: video.duration };
  }, [seconds, width, height]);
}

/** A moving square as WebM, recorded in a page: as all such recordings, it does not say how long it is. */
export async function film(page, seconds, width = 320, height = 180) {
  for (let tries = 0; ; tries++) {
    const { base64, length } = await record(page, seconds, width, height);
    // On a busy machine a recording starts or ends late.
    if (Math.abs(length - seconds) < 0.2 || tries === 5) return Buffer.from(base64, "base64");
  }
}
