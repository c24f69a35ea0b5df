// Steps between the network and the grid, as midtone/postprocess.py has them: each maps
// (prediction, reference, parameters) to a new prediction. Both are sRGB images of one size (see
// pyramid.js); the prediction is unclipped, the reference in [0, 1].

import { REC709, clip, linearToSrgb, logLuminance, luma, mean, srgbToLinear } from "./colour.js";
import { BINOMIAL, gaussian, merge, split } from "./pyramid.js";

const BINS = 65536;
const BISECTIONS = 16, CLIPPED = 0.97;
const WELL_EXPOSED = 0.5, SPREAD = 0.2, FLOOR = 1e-12; // Mertens et al. 2007

// By their names in the pipeline of a model. The command that builds the page refuses others.
export const STEPS = {
  shrink_to_mean_luma: shrinkToMeanLuma,
  neutralize_clipped_highlights: neutralizeClippedHighlights,
  shrink_by_confidence: shrinkByConfidence,
  keep_grey: keepGrey,
  exposure_fusion: exposureFusion,
  contrast_stretch: contrastStretch,
  exposure_trim: exposureTrim,
  protect_highlights: protectHighlights,
};

// steps: [{ step: name, parameter: value, ... }]
export function postprocess(prediction, reference, steps) {
  return steps.reduce((image, { step, ...parameters }) => STEPS[step](image, reference, parameters), prediction);
}

// In EV: minus the change of the mean of log2 of the linear luminance; negative when underexposed.
export const exposureError = (before, after) => mean(logLuminance(before)) - mean(logLuminance(after));

export const clipped = (image) => ({ ...image, data: image.data.map((value) => clip(value)) });

// A new image; each(pixel, k) changes the three values of pixel k in place.
function mapPixels(image, each) {
  const data = Float32Array.from(image.data);
  for (let k = 0; k < data.length / 3; k++) each(data.subarray(3 * k, 3 * k + 3), k);
  return { ...image, data };
}

const fade = (value, low, high) => clip((value - low) / (high - low));

function shrinkToMeanLuma(prediction, reference, { target, low, high, clipped_weight }) {
  const image = clipped(prediction);
  const share = fade(Math.abs(exposureError(reference, image)), low, high);
  const values = luma(image);
  const weights = values.map((_, k) =>
    Math.min(...reference.data.subarray(3 * k, 3 * k + 3)) >= CLIPPED ? clipped_weight : 1);
  if (!share || !values.some(Boolean) || !weights.some(Boolean)) return prediction;
  const weighted = (gamma) => mean(values.map((value, k) => weights[k] * value ** gamma)) / mean(weights);
  const wanted = (1 - share) * weighted(1) + share * target;
  let least = 0.5, most = 2, gamma;
  for (let k = 0; k < BISECTIONS; k++) {
    gamma = Math.sqrt(least * most);
    if (weighted(gamma) > wanted) least = gamma;
    else most = gamma;
  }
  return { ...image, data: image.data.map((value) => value ** gamma) };
}

function neutralizeClippedHighlights(prediction, reference, { low, high, floor, far_floor, near, far }) {
  if (!Number.isFinite(low)) return prediction;
  const error = exposureError(reference, clipped(prediction));
  const least = floor + fade(error, near, far) * (far_floor - floor);
  const values = luma(prediction);
  return mapPixels(prediction, (pixel, k) => {
    const share = fade(Math.min(...reference.data.subarray(3 * k, 3 * k + 3)), low, high);
    const neutral = Math.max(values[k], least);
    for (let c = 0; c < 3; c++) pixel[c] = (1 - share) * pixel[c] + share * neutral;
  });
}

function shrinkByConfidence(prediction, reference, { half, slope }) {
  if (!half) return prediction;
  const before = logLuminance(reference), after = logLuminance(prediction);
  const size = mean(after.map((value, k) => Math.abs(value - before[k])));
  const share = 1 / (1 + (half / Math.max(size, FLOOR)) ** slope);
  const data = prediction.data.map((value, at) => reference.data[at] + share * (value - reference.data[at]));
  return { ...prediction, data };
}

function keepGrey(prediction, reference, { enabled }) {
  if (!enabled) return prediction;
  for (let at = 0; at < reference.data.length; at += 3) {
    const [r, g, b] = reference.data.subarray(at, at + 3);
    // Equal channels differ by rounding after the pyramid's arithmetic.
    if (Math.max(r, g, b) - Math.min(r, g, b) > 1e-6) return prediction;
  }
  const values = luma(prediction);
  return mapPixels(prediction, (pixel, k) => pixel.fill(values[k]));
}

function contrastStretch(prediction, _, { tail = 0.01 }) {
  const limits = [0, 1, 2].map((channel) => stretchLimits(prediction.data, channel, tail));
  const low = Math.min(...limits.map((pair) => pair[0])), high = Math.max(...limits.map((pair) => pair[1]));
  return { ...prediction, data: prediction.data.map((value) => fade(value, low, high)) };
}

// The values between which all but a share of `tail` at each end lies.
function stretchLimits(data, channel, tail) {
  const counts = new Uint32Array(BINS);
  for (let at = channel; at < data.length; at += 3) counts[Math.floor(clip(data[at]) * (BINS - 1) + 0.5)]++;
  const pixels = data.length / 3;
  let sum = 0, low = null;
  for (let bin = 0; bin < BINS; bin++) {
    sum += counts[bin];
    if (low === null && sum / pixels > tail) low = bin;
    if (sum / pixels >= 1 - tail) return low === bin ? [0, 1] : [low / (BINS - 1), bin / (BINS - 1)];
  }
}

function exposureTrim(prediction, _, { ev }) {
  if (!ev) return prediction;
  return mapPixels(prediction, (pixel) => {
    const linear = Array.from(pixel, (value) => srgbToLinear(clip(value)));
    const before = clip(REC709.reduce((sum, weight, c) => sum + weight * linear[c], 0));
    const after = 1 - (1 - before) ** 2 ** ev;
    const scaled = linear.map((value) => (before > 0 ? (value * after) / Math.max(before, FLOOR) : 0));
    const share = Math.min(1, (1 - after) / Math.max(Math.max(...scaled) - after, FLOOR));
    scaled.forEach((value, c) => (pixel[c] = linearToSrgb(clip(after + share * (value - after)))));
  });
}

function protectHighlights(prediction, reference, { amount = 1 }) {
  const before = luma(reference), after = luma(prediction);
  return mapPixels(prediction, (pixel, k) => {
    const less = amount * before[k] ** 2 * Math.max(after[k] - before[k], 0);
    const factor = 1 - less / Math.max(after[k], FLOOR);
    for (let c = 0; c < 3; c++) pixel[c] *= factor;
  });
}

// Blend the reference and the prediction (Mertens et al. 2007, eq. 1-7, exponents 1).
function exposureFusion(prediction, reference) {
  const images = [reference, clipped(prediction)];
  const weights = images.map(fusionWeights);
  const { width, height } = reference;
  const levels = Math.max(1, Math.floor(Math.log2(Math.min(width, height))));
  const pyramids = images.map((image, n) => {
    const share = weights[n].map((weight, k) => weight / (weights[0][k] + weights[1][k]));
    const shares = gaussian({ width, height, channels: 1, data: share }, levels, BINOMIAL);
    return split(image, levels, BINOMIAL).map((detail, level) => ({
      ...detail, data: detail.data.map((value, at) => value * shares[level].data[Math.floor(at / 3)]),
    }));
  });
  const blended = pyramids[0].map((one, level) => ({
    ...one, data: one.data.map((value, at) => value + pyramids[1][level].data[at]),
  }));
  return merge(blended, BINOMIAL);
}

// Contrast x saturation x well-exposedness of each pixel.
function fusionWeights(image) {
  const { width, height, data } = image;
  const grey = luma(image);
  const at = (x, y) => grey[clip(y, 0, height - 1) * width + clip(x, 0, width - 1)];
  return Float64Array.from(grey, (value, k) => {
    const x = k % width, y = Math.floor(k / width);
    const contrast = Math.abs(at(x, y - 1) + at(x, y + 1) + at(x - 1, y) + at(x + 1, y) - 4 * value);
    const pixel = Array.from(data.subarray(3 * k, 3 * k + 3));
    const middle = mean(pixel);
    const saturation = Math.sqrt(mean(pixel.map((one) => (one - middle) ** 2)));
    const exposed = pixel.reduce((product, one) => product * Math.exp(-((one - WELL_EXPOSED) ** 2) / (2 * SPREAD ** 2)), 1);
    return contrast * saturation * exposed + FLOOR;
  });
}
