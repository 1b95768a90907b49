// Files that people send, made here from nothing.

import { deflateSync } from "node:zlib";

import type { Page } from "@playwright/test";

export interface SentFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** A picture of one colour. */
export function picture(name: string, width = 320, height = 200, colour = [0x1f, 0x6f, 0xeb]): SentFile {
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from(colour))]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const buffer = Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
  return { name, mimeType: "image/png", buffer };
}

function chunk(kind: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind, "latin1"), content]);
  const all = Buffer.alloc(named.length + 8);
  all.writeUInt32BE(content.length, 0);
  named.copy(all, 4);
  all.writeUInt32BE(checkSum(named), named.length + 4);
  return all;
}

/** The check sum of PNG chunks (ISO 3309). */
function checkSum(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

export function text(name: string, content: string): SentFile {
  return { name, mimeType: "text/plain", buffer: Buffer.from(content, "utf8") };
}

/** Bytes that no format begins with, and that no packing makes smaller. */
export function noise(name: string, bytes: number): SentFile {
  const buffer = Buffer.alloc(bytes);
  let state = 0x2545f491;
  for (let place = 0; place < bytes; place += 4) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) ^ (state << 7);
    buffer.writeUInt32LE(state >>> 0, Math.min(place, Math.max(0, bytes - 4)));
  }
  if (bytes > 0) buffer[0] = 0xff;
  return { name, mimeType: "application/octet-stream", buffer };
}

export function pdf(name: string): SentFile {
  const content = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF";
  return { name, mimeType: "application/pdf", buffer: Buffer.from(content, "latin1") };
}

/** A second of film, recorded by the browser itself. */
export async function film(page: Page, name: string): Promise<SentFile> {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    canvas.width = 160;
    canvas.height = 90;
    const brush = canvas.getContext("2d");
    if (brush === null) throw new Error("a canvas can be painted on");
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm;codecs=vp8" });
    const pieces: Blob[] = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    const ended = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    for (let frame = 0; frame < 20; frame += 1) {
      brush.fillStyle = `hsl(${frame * 18} 80% 50%)`;
      brush.fillRect(0, 0, 160, 90);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    recorder.stop();
    await ended;
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return btoa(binary);
  });
  return { name, mimeType: "video/webm", buffer: Buffer.from(base64, "base64") };
}
