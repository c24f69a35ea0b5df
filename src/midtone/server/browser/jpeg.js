// Marker segments of a JPEG file, taken apart and put together as midtone/photo/jpeg_segments.py does
// (ISO/IEC 10918-1, annex B; ICC.1:2022, annex B.4; XMP part 3, 1.1.3).

import * as encoder from "./jpeg_encoder.js";

const ROOM = 65533; // bytes that a segment holds besides its length
const EXIF = "Exif\0\0", XMP = "http://ns.adobe.com/xap/1.0/\0", EXTENSION = "http://ns.adobe.com/xmp/extension/\0";
const ICC = "ICC_PROFILE\0", PHOTOSHOP = "Photoshop 3.0\0";
const SCAN = 0xda, END = 0xd9, COMMENT = 0xfe, TABLES = 0xdb;
const LOSSLESS = [0xc3, 0xc7, 0xcb, 0xcf];
const SUBSAMPLINGS = { "1,1": 0, "2,1": 1, "2,2": 2 };

// { bare, width, height, channels, metadata, icc, subsampling, quality, leftOut }: bare is the file
// without metadata and profile, so that the browser decodes what is stored. Throws for what is no
// whole 8-bit JPEG of grey or colour.
export function parse(bytes) {
  const { segments, frame, hasScan, end } = takeApart(bytes);
  if (!frame || !frame.width || !frame.height || !hasScan) throw new Error("damaged or incomplete image (no picture in it)");
  if (frame.bits !== 8 || LOSSLESS.includes(frame.marker)) throw new Error("a JPEG of this kind is not supported; convert it to 8-bit JPEG");
  if (end === null) throw new Error("the file is cut off");
  if (frame.sampling.length !== 1 && frame.sampling.length !== 3) throw new Error("a CMYK JPEG is not supported by this page; use midtone fix");
  const starting = (marker, head) => segments.filter((one) => one.marker === marker && startsWith(one.body, head)).map(({ body }) => body.subarray(head.length));
  const isKept = ({ marker, body }) =>
    marker === COMMENT || (marker === 0xed && startsWith(body, PHOTOSHOP)) || (marker === 0xe1 && startsWith(body, EXTENSION));
  const stripped = segments.filter(({ marker }) => (marker > 0xe0 && marker < 0xee) || marker === 0xef || marker === COMMENT);
  const leftOut = stripped.filter((one) => !isKept(one) && !isRead(one)).map(nameOf);
  if (end < bytes.length && bytes.subarray(end).some(Boolean)) leftOut.push(`${bytes.length - end} bytes after the picture`);
  return {
    bare: new Blob(without(bytes.subarray(0, end), stripped), { type: "image/jpeg" }),
    width: frame.width, height: frame.height, channels: frame.sampling.length,
    metadata: {
      exif: joined(exifParts(starting(0xe1, EXIF))),
      xmp: starting(0xe1, XMP)[0] ?? null,
      density: starting(0xe0, "JFIF\0")[0]?.subarray(2, 7) ?? null,
      segments: segments.filter(isKept),
    },
    icc: joined(starting(0xe2, ICC).filter((part) => part.length > 2).sort((a, b) => a[0] - b[0]).map((part) => part.subarray(2))),
    subsampling: frame.sampling.length === 3 ? subsamplingOf(frame.sampling) : 0,
    quality: quality(segments),
    leftOut: [...new Set(leftOut)],
  };
}

// A whole file: { pixels, metadata, icc, subsampling } as `parse` has them.
export function encode({ pixels, metadata, icc, subsampling }, quality) {
  const segments = [];
  const add = (marker, head, block, room = ROOM - head.length) => {
    for (let at = 0; at < block.length; at += room) segments.push(segment(marker, head, block.subarray(at, at + room)));
  };
  if (metadata.exif) add(0xe1, EXIF, metadata.exif);
  if (metadata.xmp && metadata.xmp.length <= ROOM - XMP.length) add(0xe1, XMP, metadata.xmp);
  const kept = (metadata.segments ?? []).map(({ marker, body }) => segment(marker, "", body));
  if (icc) {
    const room = ROOM - ICC.length - 2, count = Math.ceil(icc.length / room);
    for (let k = 0; k < count; k++)
      segments.push(segment(0xe2, `${ICC}${String.fromCharCode(k + 1, count)}`, icc.subarray(k * room, (k + 1) * room)));
  }
  const head = segment(0xe0, "JFIF\0\x01\x01", Uint8Array.of(...(metadata.density ?? [0, 0, 1, 0, 1]), 0, 0));
  return new Blob([Uint8Array.of(0xff, 0xd8), head, ...segments, ...kept, ...encoder.encode(pixels, quality, subsampling ?? 0)], { type: "image/jpeg" });
}

export const fitsXmp = (packet) => packet.length <= ROOM - XMP.length;

function takeApart(bytes) {
  const found = { segments: [], frame: null, hasScan: false, end: null };
  let offset = 2;
  for (;;) {
    const start = bytes.indexOf(0xff, offset);
    if (start < 0 || start + 1 >= bytes.length) return found;
    const marker = bytes[start + 1];
    if (marker === END) return { ...found, end: start + 2 };
    if (marker <= 1 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd8)) {
      offset = start + (marker === 0xff ? 1 : 2);
      continue;
    }
    if (start + 4 > bytes.length) return found;
    offset = start + 2 + ((bytes[start + 2] << 8) | bytes[start + 3]);
    const body = bytes.subarray(start + 4, offset);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) found.frame ??= frameOf(marker, body);
    if (!found.hasScan && marker !== SCAN) found.segments.push({ marker, body, start, end: offset });
    if (marker === SCAN) found.hasScan = true;
  }
}

function frameOf(marker, body) {
  const sampling = Array.from({ length: body[5] ?? 0 }, (_, k) => [body[7 + 3 * k] >> 4, body[7 + 3 * k] & 15]);
  return { marker, bits: body[0], height: (body[1] << 8) | body[2], width: (body[3] << 8) | body[4], sampling };
}

// The parts of a file between some of its segments.
function without(bytes, segments) {
  const parts = [];
  let offset = 0;
  for (const { start, end } of segments) {
    parts.push(bytes.subarray(offset, start));
    offset = end;
  }
  return [...parts, bytes.subarray(offset)];
}

const isRead = ({ marker, body }) =>
  (marker === 0xe1 && (startsWith(body, EXIF) || startsWith(body, XMP))) || (marker === 0xe2 && startsWith(body, ICC));

// The first block; parts that have no TIFF header of their own continue it.
function exifParts([first, ...others]) {
  const own = others.findIndex((part) => startsWith(part, "II*\0") || startsWith(part, "MM\0*"));
  return first ? [first, ...others.slice(0, own < 0 ? undefined : own)] : [];
}

function joined(parts) {
  if (!parts.length) return null;
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

// "APP2 MPF"
function nameOf({ marker, body }) {
  const text = /^[\x20-\x7e]*/.exec(String.fromCharCode(...body.subarray(0, 40)))[0].trim();
  return `APP${marker - 0xe0} ${text}`.trim();
}

const subsamplingOf = ([luma, ...chroma]) => (chroma.every((one) => String(one) === "1,1") ? SUBSAMPLINGS[luma] ?? 0 : 0);

// The quality whose luminance table is nearest; null without tables.
function quality(segments) {
  for (const { body } of segments.filter(({ marker }) => marker === TABLES))
    for (let at = 0; at < body.length; ) {
      const wide = body[at] >> 4, length = wide ? 128 : 64;
      const values = Array.from({ length: 64 }, (_, k) => (wide ? (body[at + 1 + 2 * k] << 8) | body[at + 2 + 2 * k] : body[at + 1 + k]));
      if ((body[at] & 15) === 0 && at + 1 + length <= body.length) return nearest(values);
      at += 1 + length;
    }
  return null;
}

function nearest(given) {
  const sorted = (values) => Array.from(values).sort((a, b) => a - b);
  const wanted = sorted(given);
  let best = { distance: Infinity };
  for (let one = 1; one <= 100; one++) {
    const table = sorted(encoder.luminanceTable(one));
    const distance = table.reduce((sum, value, k) => sum + Math.abs(value - wanted[k]), 0);
    if (distance < best.distance) best = { distance, quality: one };
  }
  return best.quality;
}

function segment(marker, head, body) {
  const length = head.length + body.length + 2;
  const result = new Uint8Array(length + 2);
  result.set([0xff, marker, length >> 8, length & 255]);
  result.set(Array.from(head, (letter) => letter.charCodeAt(0)), 4);
  result.set(body, 4 + head.length);
  return result;
}

const startsWith = (bytes, text) => Array.from(text).every((letter, k) => bytes[k] === letter.charCodeAt(0));
