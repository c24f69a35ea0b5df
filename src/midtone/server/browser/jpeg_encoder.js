// A baseline JPEG encoder (ITU-T T.81) with the tables of annex K, which libjpeg uses too. Browsers'
// own encoders choose the chroma subsampling and have no grey.

const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
  ...Array(32).fill(99),
];
// Huffman tables: the number of codes of each length from 1 to 16, and their symbols.
const DC = [
  [[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
  [[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
];
const AC = [
  [[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d], fromHex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a" +
    "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa" +
    "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa")],
  [[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], fromHex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a" +
    "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa" +
    "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa")],
];
// Of the fast cosine transform (Arai, Agui and Nakajima 1988).
const SCALES = [1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379];
const FACTORS = [[1, 1], [2, 1], [2, 2]]; // of the luma, by subsampling: 4:4:4, 4:2:2, 4:2:0
const ROOM = 1 << 20; // bytes of output at a time

export const luminanceTable = (quality) => scaled(LUMINANCE, quality);

// All of a file after its metadata, as parts. pixels: { width, height, channels, data }, 8 bits;
// subsampling: 0 (4:4:4), 1 (4:2:2) or 2 (4:2:0), without meaning for grey
export function encode(pixels, quality, subsampling) {
  const { width, height, channels } = pixels;
  const [across, down] = channels === 1 ? [1, 1] : FACTORS[subsampling];
  const tables = [scaled(LUMINANCE, quality), scaled(CHROMINANCE, quality)].slice(0, channels === 1 ? 1 : 2);
  const out = new BitWriter();
  tables.forEach((table, k) => out.marker(0xdb, [k, ...ZIGZAG.map((at) => table[at])]));
  const components = Array.from({ length: channels }, (_, k) => [k + 1, k ? 0x11 : (across << 4) | down, k ? 1 : 0]);
  out.marker(0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, channels, ...components.flat()]);
  tables.forEach((_, k) => {
    out.marker(0xc4, [k, ...DC[k].flat()]);
    out.marker(0xc4, [16 + k, ...AC[k].flat()]);
  });
  out.marker(0xda, [channels, ...components.flatMap(([id, , table]) => [id, 17 * table]), 0, 63, 0]);
  encodeScan(out, pixels, across, down, tables);
  return out.finish();
}

function encodeScan(out, pixels, across, down, tables) {
  const { width, height, channels } = pixels;
  const columns = Math.ceil(width / (8 * across)), stride = columns * 8 * across, rows = 8 * down;
  const planes = Array.from({ length: channels }, () => new Float32Array(stride * rows));
  const coders = tables.map((table, k) => ({ divisors: divisors(table), dc: codes(DC[k]), ac: codes(AC[k]) }));
  const previous = new Int32Array(channels), block = new Float32Array(64), quantized = new Int32Array(64);
  for (let top = 0; top < height; top += rows) {
    fillPlanes(planes, pixels, top, rows, stride);
    for (let column = 0; column < columns; column++) {
      for (let c = 0; c < channels; c++) {
        const coder = coders[c ? 1 : 0];
        for (let v = 0; v < (c ? 1 : down); v++)
          for (let h = 0; h < (c ? 1 : across); h++) {
            if (c) takeMeans(block, planes[c], stride, 8 * across * column, across, down);
            else take(block, planes[0], stride, 8 * (across * column + h), 8 * v);
            quantize(quantized, transform(block), coder.divisors);
            previous[c] = out.block(quantized, previous[c], coder);
          }
      }
    }
  }
}

// Y, Cb, Cr less 128 (JFIF 1.02) of some rows; the last row and column are repeated.
function fillPlanes(planes, { width, height, channels, data }, top, rows, stride) {
  for (let row = 0; row < rows; row++) {
    const start = Math.min(top + row, height - 1) * width;
    for (let x = 0; x < stride; x++) {
      const at = (start + Math.min(x, width - 1)) * channels, to = row * stride + x;
      const r = data[at];
      if (channels === 1) {
        planes[0][to] = r - 128;
        continue;
      }
      const g = data[at + 1], b = data[at + 2];
      // Whole numbers, as libjpeg has them.
      planes[0][to] = Math.round(0.299 * r + 0.587 * g + 0.114 * b) - 128;
      planes[1][to] = Math.round(-0.168735892 * r - 0.331264108 * g + 0.5 * b);
      planes[2][to] = Math.round(0.5 * r - 0.418687589 * g - 0.081312411 * b);
    }
  }
}

function take(block, plane, stride, left, top) {
  for (let y = 0, at = 0; y < 8; y++) for (let x = 0; x < 8; x++) block[at++] = plane[(top + y) * stride + left + x];
}

// Means of 1, 2 or 4 samples, rounded down and up by turns, as libjpeg does.
function takeMeans(block, plane, stride, left, across, down) {
  const shift = across + down - 2;
  for (let y = 0, at = 0; y < 8; y++)
    for (let x = 0; x < 8; x++) {
      let sum = shift ? shift - 1 + (x & 1) : 0;
      for (let v = 0; v < down; v++)
        for (let h = 0; h < across; h++) sum += plane[(down * y + v) * stride + left + across * x + h];
      block[at++] = sum >> shift;
    }
}

// The scaled cosine transform of a block, in place.
function transform(block) {
  for (let k = 0; k < 64; k += 8) transformLine(block, k, 1);
  for (let k = 0; k < 8; k++) transformLine(block, k, 8);
  return block;
}

function transformLine(b, at, step) {
  const i1 = at + step, i2 = i1 + step, i3 = i2 + step, i4 = i3 + step, i5 = i4 + step, i6 = i5 + step, i7 = i6 + step;
  const s0 = b[at] + b[i7], d0 = b[at] - b[i7], s1 = b[i1] + b[i6], d1 = b[i1] - b[i6];
  const s2 = b[i2] + b[i5], d2 = b[i2] - b[i5], s3 = b[i3] + b[i4], d3 = b[i3] - b[i4];
  const e0 = s0 + s3, e3 = s0 - s3, e1 = s1 + s2, e2 = s1 - s2;
  b[at] = e0 + e1;
  b[i4] = e0 - e1;
  const z1 = (e2 + e3) * 0.707106781;
  b[i2] = e3 + z1;
  b[i6] = e3 - z1;
  const o0 = d3 + d2, o1 = d2 + d1, o2 = d1 + d0;
  const z5 = (o0 - o2) * 0.382683433;
  const z2 = 0.541196100 * o0 + z5, z4 = 1.306562965 * o2 + z5, z3 = o1 * 0.707106781;
  const z11 = d0 + z3, z13 = d0 - z3;
  b[i5] = z13 + z2;
  b[i3] = z13 - z2;
  b[i1] = z11 + z4;
  b[i7] = z11 - z4;
}

// In zigzag order.
function quantize(quantized, block, divisor) {
  for (let k = 0; k < 64; k++) {
    const value = block[ZIGZAG[k]] * divisor[k];
    quantized[k] = value < 0 ? -(0.5 - value | 0) : value + 0.5 | 0;
  }
}

const divisors = (table) => Float32Array.from(ZIGZAG, (at) => 1 / (8 * table[at] * SCALES[at >> 3] * SCALES[at & 7]));

// libjpeg's scale of the tables by a quality of 1 to 100.
function scaled(table, quality) {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return table.map((value) => Math.min(255, Math.max(1, Math.floor((value * scale + 50) / 100))));
}

// { code, length } by symbol (annex C).
function codes([counts, symbols]) {
  const found = { code: new Uint16Array(256), length: new Uint8Array(256) };
  let code = 0, k = 0;
  counts.forEach((count, index) => {
    for (let n = 0; n < count; n++, k++, code++) {
      found.code[symbols[k]] = code;
      found.length[symbols[k]] = index + 1;
    }
    code <<= 1;
  });
  return found;
}

class BitWriter {
  constructor() {
    this.parts = [];
    this.buffer = new Uint8Array(ROOM);
    this.at = 0;
    this.bits = 0;
    this.held = 0; // bits that wait, at most 7 between calls
  }

  byte(value) {
    if (this.at === ROOM) {
      this.parts.push(this.buffer);
      this.buffer = new Uint8Array(ROOM);
      this.at = 0;
    }
    this.buffer[this.at++] = value;
  }

  marker(marker, body) {
    for (const value of [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body]) this.byte(value);
  }

  write(value, length) {
    this.bits = (this.bits << length) | value;
    this.held += length;
    while (this.held >= 8) {
      this.held -= 8;
      const byte = (this.bits >> this.held) & 255;
      this.byte(byte);
      if (byte === 255) this.byte(0);
    }
    this.bits &= (1 << this.held) - 1;
  }

  // A number's symbol (run of zeros before it, count of its bits) and its bits (annex F).
  number(value, run, { code, length }) {
    const bits = 32 - Math.clz32(Math.abs(value)), symbol = 16 * run + bits;
    this.write(code[symbol], length[symbol]);
    if (bits) this.write(value < 0 ? value + (1 << bits) - 1 : value, bits);
  }

  // Returns the constant term, from which the next block's differs.
  block(values, previous, { dc, ac }) {
    this.number(values[0] - previous, 0, dc);
    let last = 63;
    while (last && !values[last]) last--;
    for (let k = 1, run = 0; k <= last; k++) {
      if (!values[k]) {
        run++;
        continue;
      }
      for (; run > 15; run -= 16) this.write(ac.code[0xf0], ac.length[0xf0]);
      this.number(values[k], run, ac);
      run = 0;
    }
    if (last < 63) this.write(ac.code[0], ac.length[0]);
    return values[0];
  }

  finish() {
    if (this.held) this.write((1 << (8 - this.held)) - 1, 8 - this.held);
    this.byte(0xff);
    this.byte(0xd9);
    return [...this.parts, this.buffer.subarray(0, this.at)];
  }
}

function fromHex(text) {
  return text.replace(/\s/g, "").match(/../g).map((pair) => parseInt(pair, 16));
}
