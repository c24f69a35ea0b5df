// EXIF blocks, edited in place as midtone/photo/exif.py edits them (EXIF 2.32, 4.6; TIFF 6.0, 2). A
// block is a TIFF header with directories of 12-byte entries; what is damaged stays as it is.

const ORIENTATION = 0x0112, SOFTWARE = 0x0131, EXIF = 0x8769;
const ASCII = 2, SHORT = 3, LONG = 4;
const BYTES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4 };
const SIDES = { 0x0100: 0, 0x0101: 1, 0xa002: 0, 0xa003: 1 }; // tag -> 0 for width, 1 for height
const THUMBNAILS = [[0x0201, 0x0202], [0x0111, 0x0117]]; // offsets and lengths
const ENTRIES = 1000;

class Block {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = bytes.length >= 8 ? String.fromCharCode(bytes[0], bytes[1]) : "";
    this.little = order === "II";
    this.valid = (this.little || order === "MM") && this.view.getUint16(2, this.little) === 42;
    this.first = this.valid ? this.view.getUint32(4, this.little) : 0;
  }

  number(offset, size) {
    if (offset + size > this.bytes.length) return 0;
    return size === 2 ? this.view.getUint16(offset, this.little) : this.view.getUint32(offset, this.little);
  }

  // [{ tag, kind, count, offset }] with values that lie within the block
  entries(directory) {
    const found = [];
    for (let k = 0; k < Math.min(this.number(directory, 2), ENTRIES); k++) {
      const at = directory + 2 + 12 * k;
      if (at + 12 > this.bytes.length) break;
      const tag = this.number(at, 2), kind = this.number(at + 2, 2), count = this.number(at + 4, 4);
      const length = (BYTES[kind] ?? 0) * count;
      const offset = length > 4 ? this.number(at + 8, 4) : at + 8;
      if (kind in BYTES && offset + length <= this.bytes.length) found.push({ tag, kind, count, offset });
    }
    return found;
  }

  nextPointer(directory) {
    return directory + 2 + 12 * this.number(directory, 2);
  }

  // The first number of an entry; null if it holds none.
  read({ kind, count, offset }) {
    if (!count) return null;
    if (kind === SHORT || kind === 8) return this.number(offset, 2);
    if (kind === LONG || kind === 9 || kind === 13) return this.number(offset, 4);
    return kind === 1 || kind === 6 || kind === 7 ? this.bytes[offset] : null;
  }

  write({ kind, offset }, value) {
    if (kind === SHORT || kind === 8) this.view.setUint16(offset, value, this.little);
    else if (kind === LONG || kind === 9 || kind === 13) this.view.setUint32(offset, value, this.little);
    else this.bytes[offset] = value;
  }

  find(directory, tag) {
    const entry = this.entries(directory).find((one) => one.tag === tag);
    return entry ? this.read(entry) : null;
  }
}

// 1 to 8; null if there is none.
export function orientation(bytes) {
  const block = new Block(bytes);
  const found = block.valid ? block.find(block.first, ORIENTATION) : null;
  return found >= 1 && found <= 8 ? found : null;
}

// The block of a picture that is upright now: orientation 1, its size, no stale thumbnail.
export function normalizeOrientation(bytes, [width, height]) {
  const block = new Block(bytes.slice());
  if (!block.valid) return bytes;
  for (const directory of [block.first, block.find(block.first, EXIF)]) {
    if (!directory) continue;
    for (const entry of block.entries(directory)) {
      const { tag, kind, count } = entry;
      if (tag === ORIENTATION && block.read(entry) !== null) block.write(entry, 1);
      if (tag in SIDES && [SHORT, LONG, 13].includes(kind) && count === 1) {
        const side = [width, height][SIDES[tag]];
        if (kind !== SHORT || side < 1 << 16) block.write(entry, side);
      }
    }
  }
  dropThumbnail(block);
  return block.bytes;
}

function dropThumbnail(block) {
  const pointer = block.nextPointer(block.first);
  const second = block.number(pointer, 4);
  if (!second) return;
  block.view.setUint32(pointer, 0);
  for (const [offset, length] of THUMBNAILS) {
    const start = block.find(second, offset), count = block.find(second, length);
    if (start && count && start + count <= block.bytes.length) block.bytes.fill(0, start, start + count);
  }
}

// The block with the Software tag set; a new block if there is none. The first directory is written
// anew at the end, one entry longer; all else stays in its place.
export function setSoftware(bytes, software) {
  const text = Uint8Array.from(`${software}\0`, (letter) => Math.min(letter.charCodeAt(0), 127));
  const old = bytes ?? Uint8Array.of(0x49, 0x49, 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const block = new Block(old);
  if (!block.valid || !block.first) return bytes;
  const count = block.number(block.first, 2), end = block.nextPointer(block.first);
  if (end > old.length) return bytes;
  const kept = Array.from({ length: count }, (_, k) => old.subarray(block.first + 2 + 12 * k, block.first + 14 + 12 * k))
    .filter((raw) => tagOf(raw, block.little) !== SOFTWARE);
  const start = bytes ? old.length + (old.length % 2) : 8 + 2 + 12 + 4; // of the text
  const textEnd = start + text.length + (text.length % 2);
  const directory = bytes ? textEnd : 8;
  const result = new Uint8Array(bytes ? textEnd + 2 + 12 * (kept.length + 1) + 4 : textEnd);
  result.set(old.subarray(0, bytes ? old.length : 8));
  result.set(text, start);
  const view = new DataView(result.buffer);
  const entry = new Uint8Array(12), entryView = new DataView(entry.buffer);
  entryView.setUint16(0, SOFTWARE, block.little);
  entryView.setUint16(2, ASCII, block.little);
  entryView.setUint32(4, text.length, block.little);
  entryView.setUint32(8, start, block.little);
  const entries = [...kept, entry].sort((a, b) => tagOf(a, block.little) - tagOf(b, block.little));
  view.setUint32(4, directory, block.little);
  view.setUint16(directory, entries.length, block.little);
  entries.forEach((raw, k) => result.set(raw, directory + 2 + 12 * k));
  view.setUint32(directory + 2 + 12 * entries.length, bytes ? block.number(end, 4) : 0, block.little);
  return result;
}

const tagOf = (raw, little) => (little ? raw[0] | (raw[1] << 8) : (raw[0] << 8) | raw[1]);
