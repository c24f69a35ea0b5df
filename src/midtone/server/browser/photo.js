// The photograph: pixels and what belongs to them, read from a file and written to one.
//
// { pixels, icc, profile, metadata, format, subsampling, quality, notes }: pixels are
// { width, height, channels (1 or 3), data (8 bits) }, upright, in the colour space of the profile
// (sRGB or its grey if null).

import * as exif from "./exif.js";
import { parseProfile } from "./icc.js";
import * as jpeg from "./jpeg.js";
import * as png from "./png.js";
import * as webp from "./webp.js";
import * as xmp from "./xmp.js";

const STRIP = 1 << 22; // pixels drawn at a time; some browsers' canvases hold 16 million
const QUALITY = 95;
const LONGEST_JPEG = 65535;
// Matrices of the canvas that turn a picture of width w and height h upright, by EXIF's orientation.
const UPRIGHT = {
  1: () => [1, 0, 0, 1, 0, 0], 2: (w) => [-1, 0, 0, 1, w, 0], 3: (w, h) => [-1, 0, 0, -1, w, h], 4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0], 6: (w, h) => [0, 1, -1, 0, h, 0], 7: (w, h) => [0, -1, -1, 0, h, w], 8: (w) => [0, -1, 1, 0, 0, w],
};
const OTHERS = [
  [/^....ftyp(avif|avis)/, "AVIF"], [/^....ftyp(hei|mif|msf|hev)/, "HEIC"], [/^....ftypcrx/, "camera RAW"], [/^FUJIFILM/, "camera RAW"],
  [/^(II\*\0|MM\0\*|II\+\0|MM\0\+|IIU\0|IIR)/, "TIFF and camera RAW"], [/^GIF8/, "GIF"], [/^BM/, "BMP"], [/^(\xff\x0a|\0\0\0\x0cJXL )/, "JPEG XL"],
];

// Throws one sentence for what is no photograph or cannot be read here.
export async function read(file, maxMegapixels) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { format, parsed } = await parse(bytes);
  const check = (width, height) => {
    const megapixels = (width * height) / 1e6;
    if (megapixels > maxMegapixels) throw new Error(`${Math.round(megapixels)} megapixels are more than the limit of ${maxMegapixels}`);
  };
  if (parsed.width) check(parsed.width, parsed.height);
  const bitmap = await createImageBitmap(parsed.bare, { premultiplyAlpha: "none" }).catch(() => {
    throw new Error("damaged or incomplete image");
  });
  check(bitmap.width, bitmap.height);
  const { metadata, notes } = normalized(parsed);
  const pixels = pixelsOf(bitmap, metadata.orientation, parsed.channels);
  bitmap.close();
  return { ...withProfile(parsed.icc, pixels.channels, notes), pixels, metadata: sized(metadata, pixels), format, subsampling: parsed.subsampling, quality: parsed.quality };
}

async function parse(bytes) {
  if (bytes.length === 0) throw new Error("an empty file");
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { format: "jpeg", parsed: jpeg.parse(bytes) };
  if (png.isPng(bytes)) return { format: "png", parsed: await png.parse(bytes) };
  if (webp.isWebp(bytes)) return { format: "webp", parsed: webp.parse(bytes) };
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  const other = OTHERS.find(([pattern]) => pattern.test(head));
  throw new Error(other ? `${other[1]} cannot be read in a browser; use midtone fix` : "not a readable JPEG, PNG or WebP image");
}

function normalized({ metadata, leftOut }) {
  const notes = leftOut.length ? [`left out: ${leftOut.join(", ")}`] : [];
  const found = metadata.xmp ? xmp.normalize(metadata.xmp) : null;
  if (found?.parts.length) notes.push(`left out: ${found.parts.join(", ")}`);
  const orientation = (metadata.exif && exif.orientation(metadata.exif)) ?? found?.orientation;
  return { metadata: { ...metadata, xmp: found?.packet ?? null, orientation: orientation in UPRIGHT ? orientation : 1 }, notes };
}

function sized({ orientation, ...metadata }, { width, height }) {
  return { ...metadata, exif: metadata.exif && exif.normalizeOrientation(metadata.exif, [width, height]) };
}

function withProfile(icc, channels, notes) {
  const profile = icc && parseProfile(icc, channels);
  if (icc && !profile) return { icc: null, profile: null, notes: [...notes, "its colour profile is damaged or of another kind of pixels and was left out"] };
  return { icc, profile, notes };
}

// The upright pixels, in strips of rows. Throws if there is transparency.
function pixelsOf(bitmap, orientation, channels) {
  const isTurned = orientation > 4;
  const width = isTurned ? bitmap.height : bitmap.width, height = isTurned ? bitmap.width : bitmap.height;
  const data = new Uint8ClampedArray(width * height * channels);
  const rows = Math.min(height, Math.max(1, Math.floor(STRIP / width)));
  const context = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  const [a, b, c, d, e, f] = UPRIGHT[orientation](bitmap.width, bitmap.height);
  for (let top = 0, to = 0; top < height; top += rows) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, rows);
    context.setTransform(a, b, c, d, e, f - top);
    context.drawImage(bitmap, 0, 0);
    const strip = context.getImageData(0, 0, width, Math.min(rows, height - top)).data;
    for (let at = 0; at < strip.length; at += 4) {
      if (strip[at + 3] !== 255) throw new Error("transparent parts cannot be kept by this page; use midtone fix");
      for (let channel = 0; channel < channels; channel++) data[to++] = strip[at + channel];
    }
  }
  return { width, height, channels, data };
}

// { suffix, data: Blob, notes } of a corrected photograph. format: "jpeg", "png" or null, that of the
// photograph; quality: of JPEG, or null; software: value of the tag, or null to leave it
export async function write(photo, { format, quality, strip, software }) {
  const { format: own, notes } = photo;
  const chosen = format ?? (own === "webp" ? "jpeg" : own);
  const remarks = format || chosen === own ? [] : ["written as JPEG; this page writes JPEG and PNG"];
  let metadata = strip ? {} : photo.metadata;
  if (software && !strip) metadata = { ...metadata, exif: exif.setSoftware(metadata.exif ?? null, software) };
  if (chosen === "png") {
    if (metadata.segments?.length) remarks.push("PNG cannot hold: IPTC, comments or parts of XMP");
    return { suffix: ".png", data: await png.encode({ ...photo, metadata }), notes: [...notes, ...remarks] };
  }
  if (Math.max(photo.pixels.width, photo.pixels.height) > LONGEST_JPEG) throw new Error(`JPEG holds at most ${LONGEST_JPEG} pixels a side; choose PNG`);
  if (metadata.chunks?.length) remarks.push("JPEG cannot hold: text of a PNG");
  if (metadata.xmp && !jpeg.fitsXmp(metadata.xmp)) remarks.push("its XMP is too long for JPEG and was left out");
  const best = quality ?? Math.max(QUALITY, photo.quality ?? 0);
  return { suffix: ".jpg", data: jpeg.encode({ ...photo, metadata }, best), notes: [...notes, ...remarks] };
}
