// PNG files: chunks taken apart and put together (W3C PNG, 3rd edition).

import { crc32 } from "../page/zip.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PIXELS = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];
const KEPT = ["tEXt", "zTXt", "iTXt", "tIME", "pHYs"];
const READ = [...PIXELS, ...KEPT, "iCCP", "eXIf", "sRGB", "sBIT", "bKGD", "hIST", "gAMA", "cHRM", "acTL"];
const GREY = [0, 4]; // colour types
const SRGB_GAMMA = 45455, SRGB_CHROMATICITIES = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
const XMP = "XML:com.adobe.xmp\0\0\0\0\0";
const ROWS = 64; // deflated at a time

export const isPng = (bytes) => SIGNATURE.every((byte, k) => bytes[k] === byte);

// As jpeg.js: { bare, width, height, channels, metadata, icc, leftOut }. Throws for a damaged file, for an
// animation, and for colours that are not read here.
export async function parse(bytes) {
  const chunks = [...takeApart(bytes)];
  const body = (name) => chunks.find((one) => one.name === name)?.body;
  const header = body("IHDR");
  if (!header || chunks.at(-1).name !== "IEND") throw new Error(header ? "the file is cut off" : "damaged or incomplete image (no header)");
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (header[8] === 16) throw new Error("a browser reduces 16-bit PNG to 8 bits; use midtone fix");
  const animation = body("acTL");
  if (animation && uint32(animation, 0) > 1) throw new Error("an animated image, not a photograph");
  if (body("cICP") || (body("gAMA") && !body("sRGB") && !body("iCCP") && !isSrgb(body("gAMA"), body("cHRM"))))
    throw new Error("a PNG with colours by gAMA or cICP is not supported by this page; use midtone fix");
  const isXmp = (chunk) => chunk.name === "iTXt" && startsWith(chunk.body, XMP);
  const profile = body("iCCP");
  return {
    bare: new Blob([Uint8Array.from(SIGNATURE), ...chunks.filter(({ name }) => PIXELS.includes(name)).map(({ whole }) => whole)], { type: "image/png" }),
    width: view.getUint32(0), height: view.getUint32(4), channels: GREY.includes(header[9]) ? 1 : 3,
    metadata: {
      exif: body("eXIf") ?? null,
      xmp: chunks.find(isXmp)?.body.subarray(XMP.length) ?? null,
      chunks: chunks.filter((one) => KEPT.includes(one.name) && !isXmp(one)),
    },
    icc: profile ? await inflated(profile.subarray(profile.indexOf(0) + 2)) : null,
    leftOut: [...new Set(chunks.map(({ name }) => name).filter((name) => !READ.includes(name)))],
  };
}

// A whole file: { pixels, metadata, icc }.
export async function encode({ pixels, metadata, icc }) {
  const { width, height, channels } = pixels;
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8);
  const parts = [Uint8Array.from(SIGNATURE), chunk("IHDR", header)];
  if (icc) parts.push(chunk("iCCP", latin1("ICC profile\0\0"), await deflated([icc])));
  if (metadata.exif) parts.push(chunk("eXIf", metadata.exif));
  if (metadata.xmp) parts.push(chunk("iTXt", latin1(XMP), metadata.xmp));
  for (const { name, body } of metadata.chunks ?? []) parts.push(chunk(name, body));
  parts.push(chunk("IDAT", await deflated(filteredRows(pixels))), chunk("IEND"));
  return new Blob(parts, { type: "image/png" });
}

function* takeApart(bytes) {
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = uint32(bytes, at), end = at + 12 + length;
    if (end > bytes.length) return;
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield { name, body: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) };
    if (name === "IEND") return;
    at = end;
  }
}

function isSrgb(gamma, chromaticities) {
  const near = (value, wanted) => Math.abs(value - wanted) < 200;
  return near(uint32(gamma, 0), SRGB_GAMMA) && (!chromaticities || SRGB_CHROMATICITIES.every((wanted, k) => near(uint32(chromaticities, 4 * k), wanted)));
}

// Rows by Paeth's filter, which is 4, some at a time.
function* filteredRows({ width, height, channels, data }) {
  const stride = width * channels;
  const zeros = new Uint8Array(stride);
  for (let top = 0; top < height; top += ROWS) {
    const rows = Math.min(ROWS, height - top), out = new Uint8Array(rows * (stride + 1));
    for (let row = 0, to = 0; row < rows; row++) {
      const y = top + row, line = data.subarray(y * stride, (y + 1) * stride);
      const above = y ? data.subarray((y - 1) * stride, y * stride) : zeros;
      out[to++] = 4;
      for (let x = 0; x < stride; x++) {
        const a = x < channels ? 0 : line[x - channels], b = above[x], c = x < channels ? 0 : above[x - channels];
        const pa = Math.abs(b - c), pb = Math.abs(a - c), pc = Math.abs(a + b - 2 * c);
        out[to++] = line[x] - (pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
      }
    }
    yield out;
  }
}

function chunk(name, ...bodies) {
  const length = bodies.reduce((sum, body) => sum + body.length, 0);
  const result = new Uint8Array(12 + length), view = new DataView(result.buffer);
  view.setUint32(0, length);
  result.set(latin1(name), 4);
  let at = 8;
  for (const body of bodies) {
    result.set(body, at);
    at += body.length;
  }
  view.setUint32(at, crc32(result.subarray(4, at)));
  return result;
}

async function deflated(parts) {
  const iterator = parts[Symbol.iterator]();
  const stream = new ReadableStream({
    pull(controller) {
      const { value, done } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  return new Uint8Array(await new Response(stream.pipeThrough(new CompressionStream("deflate"))).arrayBuffer());
}

const inflated = async (bytes) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer().catch(() => new ArrayBuffer(0)));

const uint32 = (bytes, at) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
const latin1 = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const startsWith = (bytes, text) => latin1(text).every((byte, k) => bytes[k] === byte);
