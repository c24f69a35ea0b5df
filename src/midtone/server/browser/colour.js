// Luma, sRGB and linear light, as midtone/colour.py has them. Images: see pyramid.js.

export const REC601 = [0.298936021293775, 0.587043074451121, 0.114020904255103];
export const REC709 = [0.2126, 0.7152, 0.0722];
const DARKEST = 1 / 255 / 12.92; // linear light of 8-bit code value 1

export const clip = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));

export const srgbToLinear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

export const linearToSrgb = (value) => (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);

// Weighted sum of R, G, B: one value a pixel.
export function luma({ data }, [r, g, b] = REC601) {
  const result = new Float32Array(data.length / 3);
  for (let k = 0, at = 0; k < result.length; k++, at += 3) result[k] = r * data[at] + g * data[at + 1] + b * data[at + 2];
  return result;
}

// log2 of the linear Rec. 709 luminance, in EV, at least that of code value 1; values are clipped.
export function logLuminance({ data }) {
  const [r, g, b] = REC709;
  const linear = (at) => srgbToLinear(clip(data[at]));
  const result = new Float64Array(data.length / 3);
  for (let k = 0, at = 0; k < result.length; k++, at += 3)
    result[k] = Math.log2(Math.max(r * linear(at) + g * linear(at + 1) + b * linear(at + 2), DARKEST));
  return result;
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
