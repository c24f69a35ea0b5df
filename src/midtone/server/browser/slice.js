// Slicing: a bilateral grid applied to a full-size image with the image as its own guide, as
// midtone/bilateral_grid/slice.py has it.

// strength * grid + (1 - strength) * identity
export function blendWithIdentity({ shape, values }, strength) {
  const [outputs, terms] = shape.slice(3);
  const blended = values.map((value, at) => {
    const isDiagonal = Math.floor(at / terms) % outputs === at % terms;
    return strength * value + (isDiagonal ? 1 - strength : 0);
  });
  return { shape, values: blended };
}

// Transforms 8-bit pixels { width, height, channels, data } in place; values are rounded and clipped.
export function sliceGrid({ shape, values }, pixels) {
  const [rows, columns, depth, channels, terms] = shape;
  const { width, height, data } = pixels;
  const size = channels * terms, column = depth * size;
  const across = nodesBelow(width, columns);
  const down = nodesBelow(height, rows);
  const guide = guideTable(channels, depth, size);
  const nodes = new Float32Array(columns * column); // the grid's row at the image's
  const steps = new Float32Array(columns * column); // to the next column of nodes
  for (let y = 0, at = 0; y < height; y++) {
    const top = down.below[y] * nodes.length, part = down.part[y];
    for (let k = 0; k < nodes.length; k++) nodes[k] = values[top + k] + part * (values[top + nodes.length + k] - values[top + k]);
    for (let k = 0; k < nodes.length - column; k++) steps[k] = nodes[k + column] - nodes[k];
    if (channels === 1) at = greyRow(data, at, across, guide, column, nodes, steps);
    else at = colourRow(data, at, across, guide, column, nodes, steps);
  }
  return pixels;
}

function greyRow(data, at, across, guide, column, nodes, steps) {
  for (let x = 0; x < across.below.length; x++, at++) {
    const value = data[at], fx = across.part[x], fz = guide.part[value];
    const n = across.below[x] * column + guide.node[value];
    const gain = mixed(nodes, steps, n, 2, fx, fz), offset = mixed(nodes, steps, n + 1, 2, fx, fz);
    data[at] = gain * value + 255 * offset;
  }
  return at;
}

function colourRow(data, at, across, guide, column, nodes, steps) {
  for (let x = 0; x < across.below.length; x++, at += 3) {
    const r = data[at], g = data[at + 1], b = data[at + 2], sum = r + 2 * g + b;
    const fx = across.part[x], fz = guide.part[sum];
    const n = across.below[x] * column + guide.node[sum];
    for (let c = 0; c < 3; c++) {
      const k = n + 4 * c;
      data[at + c] =
        mixed(nodes, steps, k, 12, fx, fz) * r + mixed(nodes, steps, k + 1, 12, fx, fz) * g +
        mixed(nodes, steps, k + 2, 12, fx, fz) * b + 255 * mixed(nodes, steps, k + 3, 12, fx, fz);
    }
  }
  return at;
}

// One coefficient: along x by the step, along the guide by the next node, `size` values further.
function mixed(nodes, steps, k, size, fx, fz) {
  const low = nodes[k] + fx * steps[k];
  return low + fz * (nodes[k + size] + fx * steps[k + size] - low);
}

// Node below each sample (at most the last but one) and the part of the way to the next.
function nodesBelow(length, nodes) {
  const below = new Int32Array(length), part = new Float32Array(length);
  for (let k = 0; k < length; k++) {
    const position = ((k + 0.5) * (nodes - 1)) / length;
    below[k] = Math.min(Math.floor(position), nodes - 2);
    part[k] = position - below[k];
  }
  return { below, part };
}

// The same along the guide, by R + 2 G + B or the grey value.
function guideTable(channels, depth, size) {
  const full = channels === 1 ? 255 : 4 * 255;
  const node = new Int32Array(full + 1), part = new Float32Array(full + 1);
  for (let sum = 0; sum <= full; sum++) {
    const position = (sum * (depth - 1)) / full;
    const below = Math.min(Math.floor(position), depth - 2);
    node[sum] = below * size;
    part[sum] = position - below;
  }
  return { node, part };
}
