// From a photograph to the input of the network, as midtone/preprocess.py has it:
// photograph -> resized -> sRGB -> padded -> Laplacian pyramid.

import { toSrgb } from "./icc.js";
import { gaussian, split, up } from "./pyramid.js";

const REDUCING_GAP = 3; // a box filter goes as far as three times the final size
const SUPPORT = 2; // of the bicubic filter, in pixels

// { levels, reference, source }: levels as tensors { dims, data } N x 3 x h x w, finest first; the
// reference in sRGB and the source in the photograph's colour space, of the prediction's size.
// scales: a factor for each pyramid level, or null
export function preprocess(photo, config, scales) {
  const small = resize(photo.pixels, config.size);
  const image = toSrgb(small, photo.profile);
  const reference = atPredictionSize(image, config);
  const source = photo.profile || small.channels === 1 ? atPredictionSize(small, config) : reference;
  return { levels: networkInput(image, config, scales), reference, source };
}

// N is 2, the image and its 180 degree rotation, if config.rotate_tta, else 1.
function networkInput(image, config, scales) {
  const views = config.rotate_tta ? [image, rotated(image)] : [image];
  const pyramids = views.map((view) => split(pad(view, config), config.levels, config.taps));
  return pyramids[0]
    .map((_, level) => tensor(pyramids.map((pyramid) => pyramid[level]), scales?.[level] ?? 1))
    .slice(config.finest - 1);
}

// Pad at the bottom and the right to multiples of config.multiple.
export function pad(image, { multiple, padding }) {
  const round = (side) => Math.ceil(side / multiple) * multiple;
  const index = (at, length) => {
    if (padding === "edge") return Math.min(at, length - 1);
    const place = at % (2 * length);
    return Math.min(place, 2 * length - 1 - place);
  };
  const { channels } = image;
  const padded = { width: round(image.width), height: round(image.height), channels };
  padded.data = new Float32Array(padded.width * padded.height * channels);
  for (let y = 0, to = 0; y < padded.height; y++)
    for (let x = 0; x < padded.width; x++, to += channels) {
      const from = (index(y, image.height) * image.width + index(x, image.width)) * channels;
      for (let c = 0; c < channels; c++) padded.data[to + c] = image.data[from + c];
    }
  return padded;
}

// The image itself; for a network of coarse levels l to n, up(G_l), as its target in training was.
export function atPredictionSize(image, { finest, taps }) {
  if (finest === 1) return image;
  const [fine, coarse] = gaussian(image, finest, taps).slice(-2);
  return up(coarse, fine.width, fine.height, taps);
}

// Resize so that the longer side is `size`: 8-bit pixels -> float image in [0, 1]. As Pillow: a box
// filter, then bicubic with antialiasing, each pass rounded to 8 bits. Pillow chooses the order of
// the passes by the sizes, so values may differ by one.
export function resize(pixels, size) {
  const scale = size / Math.max(pixels.width, pixels.height);
  const [width, height] = [pixels.width, pixels.height].map((side) => Math.max(1, roundHalfEven(side * scale)));
  const factors = [Math.floor(pixels.width / width / REDUCING_GAP) || 1, Math.floor(pixels.height / height / REDUCING_GAP) || 1];
  const boxed = boxReduce(pixels, ...factors);
  const across = filters(boxed.width, pixels.width / factors[0], width);
  const down = filters(boxed.height, pixels.height / factors[1], height);
  const { channels } = pixels;
  const middle = new Uint8ClampedArray(width * boxed.height * channels);
  for (let y = 0; y < boxed.height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        middle[(y * width + x) * channels + c] = weighted(boxed.data, y * boxed.width * channels + c, channels, across[x]);
  const data = new Float32Array(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let at = 0; at < width * channels; at++)
      data[y * width * channels + at] = weighted(middle, at, width * channels, down[y]) / 255;
  return { width, height, channels, data };
}

// Means over boxes of pixels, rounded; the last boxes may be smaller.
function boxReduce(pixels, factorX, factorY) {
  if (factorX === 1 && factorY === 1) return pixels;
  const { channels } = pixels;
  const width = Math.ceil(pixels.width / factorX), height = Math.ceil(pixels.height / factorY);
  const data = new Uint8ClampedArray(width * height * channels);
  const sums = new Uint32Array(width * channels);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    const rows = Math.min(factorY, pixels.height - y * factorY);
    for (let row = 0; row < rows; row++) {
      let from = (y * factorY + row) * pixels.width * channels;
      for (let x = 0; x < pixels.width; x++) {
        const to = Math.floor(x / factorX) * channels;
        for (let c = 0; c < channels; c++) sums[to + c] += pixels.data[from++];
      }
    }
    for (let x = 0; x < width; x++) {
      const count = rows * Math.min(factorX, pixels.width - x * factorX);
      for (let c = 0; c < channels; c++)
        data[(y * width + x) * channels + c] = Math.floor((sums[x * channels + c] + (count >> 1)) / count);
    }
  }
  return { width, height, channels, data };
}

// { first, weights } for each of `length` samples of a signal of `size` samples, `extent` of it.
function filters(size, extent, length) {
  const scale = extent / length, stretch = Math.max(1, scale), support = SUPPORT * stretch;
  return Array.from({ length }, (_, k) => {
    const centre = (k + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const last = Math.min(size, Math.floor(centre + support + 0.5));
    const weights = Array.from({ length: last - first }, (_, n) => bicubic((n + first - centre + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function weighted(data, start, step, { first, weights }) {
  let sum = 0.5;
  for (let k = 0; k < weights.length; k++) sum += weights[k] * data[start + (first + k) * step];
  return Math.min(255, Math.max(0, Math.floor(sum)));
}

function roundHalfEven(value) {
  const floor = Math.floor(value), part = value - floor;
  return part === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function rotated(image) {
  const { channels, data } = image;
  const count = image.width * image.height;
  const result = new Float32Array(data.length);
  for (let k = 0; k < count; k++)
    for (let c = 0; c < channels; c++) result[k * channels + c] = data[(count - 1 - k) * channels + c];
  return { ...image, data: result };
}

function tensor(images, scale) {
  const { width, height } = images[0], plane = width * height;
  const data = new Float32Array(images.length * 3 * plane);
  images.forEach((image, n) => {
    for (let c = 0; c < 3; c++)
      for (let k = 0; k < plane; k++) data[(3 * n + c) * plane + k] = scale * image.data[3 * k + c];
  });
  return { dims: [images.length, 3, height, width], data };
}
