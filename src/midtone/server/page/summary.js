// One sentence on a photograph's exposure and what the correction does to it.

const WELL_EXPOSED = 0.15; // EV
const UNCHANGED = 0.05; // EV
const WHITE = 245; // least channel of a clipped highlight
const HIGHLIGHT_TEXTS = [[235, "kept white"], [195, "kept bright"], [0, "toned down"]]; // by mean luma after
const NOTABLE = 0.005; // share of the pixels
const LINEAR = Float32Array.from({ length: 256 }, (_, code) => {
  const value = code / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

// exposureError: EV, negative when underexposed; before, after: ImageData of one size
export function describe(exposureError, before, after) {
  const size = Math.abs(exposureError).toFixed(1);
  const verdict =
    Math.abs(exposureError) < WELL_EXPOSED ? "Well exposed" : `${size} EV ${exposureError < 0 ? "under" : "over"}exposed`;
  const change = meanLogLuminance(after) - meanLogLuminance(before);
  const action =
    Math.abs(change) < UNCHANGED ? "brightness unchanged" : `${change > 0 ? "brightened" : "darkened"} by ${Math.abs(change).toFixed(1)} EV`;
  const { share, luma } = highlights(before, after);
  if (share < NOTABLE) return `${verdict}: ${action}.`;
  return `${verdict}: ${action}, highlights ${HIGHLIGHT_TEXTS.find(([least]) => luma >= least)[1]}.`;
}

// Mean of log2 of the linear Rec. 709 luminance, in EV.
function meanLogLuminance({ data }) {
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) {
    const luminance = 0.2126 * LINEAR[data[at]] + 0.7152 * LINEAR[data[at + 1]] + 0.0722 * LINEAR[data[at + 2]];
    sum += Math.log2(Math.max(luminance, LINEAR[1]));
  }
  return (4 * sum) / data.length;
}

// Share of the pixels that are white before, and their mean luma after.
function highlights({ data: before }, { data: after }) {
  let count = 0, sum = 0;
  for (let at = 0; at < before.length; at += 4) {
    if (Math.min(before[at], before[at + 1], before[at + 2]) < WHITE) continue;
    count++;
    sum += 0.299 * after[at] + 0.587 * after[at + 1] + 0.114 * after[at + 2];
  }
  return { share: (4 * count) / before.length, luma: count ? sum / count : 0 };
}
