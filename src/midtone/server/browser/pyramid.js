// Gaussian and Laplacian pyramids (Burt & Adelson 1983), as midtone/pyramid.py has them.
//
// An image is { width, height, channels, data }: data holds R, G, B of a pixel side by side, row by
// row. Level 1 is the finest.

export const BINOMIAL = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];

// Low-pass filter and keep every second row and column, starting with the first.
export function down(image, taps) {
  return downAlong(downAlong(image, "height", taps), "width", taps);
}

// Enlarge to width x height, each 2n or 2n - 1 of the input's n.
export function up(image, width, height, taps) {
  return upAlong(upAlong(image, "height", height, taps), "width", width, taps);
}

export function gaussian(image, levels, taps) {
  const pyramid = [image];
  while (pyramid.length < levels) pyramid.push(down(pyramid.at(-1), taps));
  return pyramid;
}

// Laplacian pyramid, finest first: L_l = G_l - up(G_{l+1}), and the last level is G_n.
export function split(image, levels, taps) {
  const pyramid = gaussian(image, levels, taps);
  return pyramid.map((fine, k) => {
    if (k === levels - 1) return fine;
    const coarse = up(pyramid[k + 1], fine.width, fine.height, taps);
    return { ...fine, data: fine.data.map((value, at) => value - coarse.data[at]) };
  });
}

// Inverse of split.
export function merge(pyramid, taps) {
  return pyramid.reduceRight((coarse, detail) => {
    const { data } = up(coarse, detail.width, detail.height, taps);
    return { ...detail, data: data.map((value, at) => value + detail.data[at]) };
  });
}

// Steps between samples along an axis, and the places where its lines start.
function lines({ width, height, channels }, side) {
  const across = width * channels;
  return side === "width"
    ? { step: channels, starts: Array.from({ length: height * channels }, (_, k) => Math.floor(k / channels) * across + (k % channels)) }
    : { step: across, starts: Array.from({ length: across }, (_, k) => k) };
}

function resized(image, side, length) {
  const result = { ...image, [side]: length };
  result.data = new Float32Array(result.width * result.height * result.channels);
  return result;
}

function downAlong(image, side, [far, near, centre]) {
  const length = image[side], kept = (length + 1) >> 1;
  const result = resized(image, side, kept);
  const from = lines(image, side), to = lines(result, side);
  const reflected = (at) => {
    const place = (at + 2 * length) % (2 * length);
    return Math.min(place, 2 * length - 1 - place); // half-sample symmetric
  };
  for (let k = 0; k < kept; k++) {
    const [a, b, c, d, e] = [-2, -1, 0, 1, 2].map((by) => reflected(2 * k + by) * from.step);
    from.starts.forEach((start, line) => {
      const at = (place) => image.data[start + place];
      result.data[to.starts[line] + k * to.step] = centre * at(c) + near * (at(b) + at(d)) + far * (at(a) + at(e));
    });
  }
  return result;
}

function upAlong(image, side, target, [far, near, centre]) {
  const length = image[side];
  const result = resized(image, side, target);
  const from = lines(image, side), to = lines(result, side);
  const replicated = (at) => Math.min(length - 1, Math.max(0, at)) * from.step;
  for (let k = 0; k < target; k++) {
    const left = replicated((k >> 1) - 1), middle = replicated(k >> 1), right = replicated((k >> 1) + 1);
    from.starts.forEach((start, line) => {
      const at = (place) => image.data[start + place];
      result.data[to.starts[line] + k * to.step] =
        k % 2 ? 2 * near * (at(middle) + at(right)) : 2 * centre * at(middle) + 2 * far * (at(left) + at(right));
    });
  }
  return result;
}
