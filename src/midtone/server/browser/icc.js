// ICC profiles of a matrix and curves, or of one grey curve (ICC.1:2022, 9 and 10): to and from sRGB,
// relative colorimetric, as LittleCMS converts with them.

import { luma } from "./colour.js";

// The colorants of sRGB at D50, in columns, and its curve.
const SRGB = {
  grey: false,
  matrix: [0.4360352, 0.3851166, 0.1430511, 0.2224884, 0.7169037, 0.0606079, 0.0139160, 0.0970612, 0.7139130],
  curves: Array(3).fill(parametric([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0, 0])),
};
const D50 = [0.9642, 1, 0.8249];
const PARAMETERS = [1, 3, 4, 5, 7]; // of each type of parametric curve
const TABLES = ["A2B0", "A2B1", "B2A0", "B2A1"];

// { grey, matrix, curves } of a profile's bytes for pixels of 1 or 3 channels; null if it is damaged
// or of another kind of pixels. Throws for profiles with tables, which are not applied here.
export function parseProfile(bytes, channels) {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
    const space = text(16).trim();
    if (text(36) !== "acsp" || space !== (channels === 1 ? "GRAY" : "RGB")) return null;
    const tags = new Map();
    for (let k = 0, at = 132; k < view.getUint32(128); k++, at += 12) tags.set(text(at), view.getUint32(at + 4));
    if (TABLES.some((name) => tags.has(name))) throw new Unsupported("its colour profile has tables, which this page does not apply");
    if (channels === 1) return { grey: true, matrix: null, curves: [curve(view, tags.get("kTRC"))] };
    const columns = ["rXYZ", "gXYZ", "bXYZ"].map((name) => [8, 12, 16].map((by) => view.getInt32(tags.get(name) + by) / 65536));
    return {
      grey: false,
      matrix: [0, 1, 2].flatMap((row) => columns.map((column) => column[row])),
      curves: ["rTRC", "gTRC", "bTRC"].map((name) => curve(view, tags.get(name))),
    };
  } catch (error) {
    if (error instanceof Unsupported) throw error;
    return null;
  }
}

export class Unsupported extends Error {}

// From the profile's space (sRGB or its grey if null) to sRGB; float images.
export function toSrgb(image, profile) {
  if (profile) return convert(image, profile, SRGB);
  if (image.channels === 3) return image;
  const data = new Float32Array(3 * image.data.length);
  image.data.forEach((value, k) => data.fill(value, 3 * k, 3 * k + 3));
  return { ...image, channels: 3, data };
}

// From sRGB to the profile's space, or to sRGB's grey.
export function fromSrgb(image, profile, channels) {
  if (profile) return convert(image, SRGB, profile);
  return channels === 3 ? image : { ...image, channels: 1, data: luma(image) };
}

function convert(image, from, to) {
  const count = image.width * image.height;
  const inputs = from.grey ? 1 : 3, outputs = to.grey ? 1 : 3;
  const inverse = to.matrix && inverted(to.matrix);
  const data = new Float32Array(count * outputs);
  for (let pixel = 0; pixel < count; pixel++) {
    const linear = from.curves.map((one, c) => one.forward(image.data[pixel * inputs + c]));
    const xyz = from.grey ? D50.map((white) => white * linear[0]) : product(from.matrix, linear);
    const wanted = to.grey ? [xyz[1]] : product(inverse, xyz);
    for (let c = 0; c < outputs; c++) data[pixel * outputs + c] = to.curves[c].backward(wanted[c]);
  }
  return { ...image, channels: outputs, data };
}

function curve(view, at) {
  const type = view.getUint32(at);
  if (type === 0x70617261) { // para
    const kind = view.getUint16(at + 8);
    const given = Array.from({ length: PARAMETERS[kind] }, (_, k) => view.getInt32(at + 12 + 4 * k) / 65536);
    const [g, a = 1, b = 0, c = 0, d = -Infinity, e = 0, f = 0] = given;
    if (kind === 1) return parametric([g, a, b, 0, -b / a, 0, 0]);
    if (kind === 2) return parametric([g, a, b, 0, -b / a, c, c]);
    return parametric([g, a, b, c, kind ? d : 0, e, f]);
  }
  if (type !== 0x63757276) throw new Error("no curve"); // curv
  const count = view.getUint32(at + 8);
  if (count === 0) return parametric([1, 1, 0, 1, 0, 0, 0]);
  if (count === 1) return parametric([view.getUint16(at + 12) / 256, 1, 0, 0, 0, 0, 0]);
  return tabulated(Float64Array.from({ length: count }, (_, k) => view.getUint16(at + 12 + 2 * k) / 65535));
}

// y = (a x + b)^g + e from x = d on, below it c x + f.
function parametric([g, a, b, c, d, e, f]) {
  const forward = (x) => (x >= d ? Math.max(0, a * x + b) ** g + e : c * x + f);
  const knee = forward(d);
  return {
    forward,
    backward: (y) => (y >= knee || !c ? (Math.max(0, y - e) ** (1 / g) - b) / a : (y - f) / c),
  };
}

function tabulated(table) {
  const last = table.length - 1;
  return {
    forward(x) {
      const place = Math.min(1, Math.max(0, x)) * last, below = Math.min(Math.floor(place), last - 1);
      return table[below] + (place - below) * (table[below + 1] - table[below]);
    },
    backward(y) { // of a rising curve
      let low = 0, high = last;
      if (y <= table[0]) return 0;
      if (y >= table[last]) return 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (table[middle] <= y) low = middle;
        else high = middle;
      }
      const step = table[high] - table[low];
      return (low + (step ? (y - table[low]) / step : 0)) / last;
    },
  };
}

const product = (m, [x, y, z]) => [0, 3, 6].map((row) => m[row] * x + m[row + 1] * y + m[row + 2] * z);

function inverted([a, b, c, d, e, f, g, h, i]) {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (!determinant) throw new Error("no inverse");
  return [
    e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f,
    d * h - e * g, b * g - a * h, a * e - b * d,
  ].map((value) => value / determinant);
}
