// WebP files, read only: chunks of a RIFF file (RFC 9649).

// As jpeg.js: { bare, channels, metadata, icc, leftOut }; the size is known after decoding.
export function parse(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(4, true) + 8 > bytes.length) throw new Error("the file is cut off");
  const chunks = new Map();
  const kept = [bytes.slice(0, 12)];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4)), length = view.getUint32(at + 4, true);
    const end = at + 8 + length + (length % 2);
    chunks.set(name, bytes.subarray(at + 8, at + 8 + length));
    if (!["EXIF", "XMP ", "ICCP"].includes(name)) kept.push(bytes.slice(at, end));
    at = end;
  }
  if (chunks.has("ANIM")) throw new Error("an animated image, not a photograph");
  const extended = kept.find((part) => part[3] === 0x58); // VP8X
  if (extended) extended[8] &= 0x10; // only alpha is left
  new DataView(kept[0].buffer).setUint32(4, kept.reduce((sum, part) => sum + part.length, 0) - 8, true);
  const exif = chunks.get("EXIF");
  return {
    bare: new Blob(kept, { type: "image/webp" }), channels: 3,
    metadata: { exif: exif && exif[0] === 0x45 ? exif.subarray(6) : exif ?? null, xmp: chunks.get("XMP ") ?? null },
    icc: chunks.get("ICCP") ?? null, leftOut: [],
  };
}

export const isWebp = (bytes) => String.fromCharCode(...bytes.subarray(0, 4), ...bytes.subarray(8, 12)) === "RIFFWEBP";
