// The least-squares bilateral grid of affine colour transforms from one small image to another, as
// midtone/bilateral_grid/fit.py has it (Chen et al. 2016; Afifi et al. 2021, section 3.4).

import { eigenvectors, solve } from "./linear_algebra.js";

const GUIDE = { 1: [1], 3: [0.25, 0.5, 0.25] };
const PAPER_NODES = 22;
const SPATIAL = 1, RANGE = 4e-7; // lambda_s, lambda_z of the reference implementation
const RIDGE = 1e-12; // grey images make R, G, B dependent

// before, after: images of one size with 1 or 3 channels; config: { nodes, depth, lambda_s, lambda_z }
// { shape: [rows, columns, depth, outputs, terms], values: Float64Array in that order }
export function fit(before, after, config) {
  const shape = gridShape(config, before);
  if (shape[0] > shape[1]) { // the work grows with the cube of the rows
    const grid = fitOriented(transposed(before), transposed(after), [shape[1], shape[0], shape[2]], config);
    return swapped(grid);
  }
  return fitOriented(before, after, shape, config);
}

function gridShape({ nodes, depth }, { width, height }) {
  if (!nodes) return [PAPER_NODES, PAPER_NODES, depth];
  const side = (length) => Math.max(4, Math.round((nodes / Math.max(height, width)) * length));
  return [side(height), side(width), depth];
}

function fitOriented(before, after, shape, config) {
  const design = makeDesign(before, shape);
  const { channels } = before;
  // One transform for the whole image first: nodes without any pixel then follow it.
  const overall = overallTransform(design, after.data, channels);
  const target = Float64Array.from(after.data, (value, at) => {
    const pixel = Math.floor(at / channels), output = at % channels;
    let sum = 0, weight = 0;
    for (let v = 0; v <= channels; v++) sum += design.terms[pixel * (channels + 1) + v] * overall[v * channels + output];
    for (let corner = 0; corner < 8; corner++) weight += design.corners[pixel * 8 + corner];
    return value - weight * sum;
  });
  const unknown = solveGrid(design, target, channels, smoothness(before, shape, config));
  const terms = channels + 1, nodes = shape[0] * shape[1] * shape[2];
  const values = new Float64Array(nodes * channels * terms);
  const grey = isGrey(after);
  for (let node = 0; node < nodes; node++)
    for (let u = 0; u < channels; u++)
      for (let v = 0; v < terms; v++) {
        const from = grey ? 0 : u; // equal to the last bit, or rounding would tint grey images
        values[(node * channels + u) * terms + v] =
          unknown[(node * terms + v) * channels + from] + overall[v * channels + from];
      }
  return { shape: [...shape, channels, terms], values };
}

// Where the pixels fall: base, the node below each pixel; corners, the trilinear weights of its eight
// corners (y, x, z); terms, R, G, B, 1 or grey, 1.
function makeDesign(image, shape) {
  const [rows, columns, depth] = shape;
  const { width, height, channels, data } = image;
  const count = width * height, terms = channels + 1;
  const design = { shape, count, terms: new Float64Array(count * terms), base: new Uint32Array(count), corners: new Float64Array(count * 8) };
  for (let pixel = 0; pixel < count; pixel++) {
    let guide = 0;
    for (let c = 0; c < channels; c++) {
      guide += GUIDE[channels][c] * data[pixel * channels + c];
      design.terms[pixel * terms + c] = data[pixel * channels + c];
    }
    design.terms[pixel * terms + channels] = 1;
    const y = Math.floor(pixel / width), x = pixel % width;
    const [y0, wy] = hats(((y + 0.5) * (rows - 1)) / height, rows);
    const [x0, wx] = hats(((x + 0.5) * (columns - 1)) / width, columns);
    const [z0, wz] = hats(guide * (depth - 1), depth);
    design.base[pixel] = (y0 * columns + x0) * depth + z0;
    for (let corner = 0; corner < 8; corner++)
      design.corners[pixel * 8 + corner] = wy[corner >> 2] * wx[(corner >> 1) & 1] * wz[corner & 1];
  }
  return design;
}

// The node below and the weights of it and the next; a guide outside [0, 1] loses the weight of the
// corner it has not got.
function hats(position, nodes) {
  const below = Math.min(nodes - 2, Math.max(0, Math.floor(position)));
  const hat = (distance) => Math.min(1, Math.max(0, distance > 1 ? 2 - distance : distance));
  return [below, [hat(1 - (position - below)), hat(position - below)]];
}

// Least squares of minimal norm for one transform, terms x outputs.
function overallTransform({ terms, count }, target, outputs) {
  const size = outputs + 1;
  const matrix = new Float64Array(size * size), right = new Float64Array(size * outputs);
  for (let pixel = 0; pixel < count; pixel++)
    for (let i = 0; i < size; i++) {
      const term = terms[pixel * size + i];
      for (let j = 0; j < size; j++) matrix[i * size + j] += term * terms[pixel * size + j];
      for (let u = 0; u < outputs; u++) right[i * outputs + u] += term * target[pixel * outputs + u];
    }
  const { values, vectors } = eigenvectors(matrix, size);
  const least = 1e-12 * Math.max(...values);
  const result = new Float64Array(size * outputs);
  values.forEach((value, k) => {
    if (value <= least) return;
    for (let u = 0; u < outputs; u++) {
      let projection = 0;
      for (let i = 0; i < size; i++) projection += vectors[i * size + k] * right[i * outputs + u];
      for (let i = 0; i < size; i++) result[i * outputs + u] += (vectors[i * size + k] * projection) / value;
    }
  });
  return result;
}

// Weights of the grid's squared differences in y, x, z.
function smoothness({ width, height }, [rows, columns, depth], { lambda_s, lambda_z }) {
  const cellY = height / rows, cellX = width / columns, cellZ = 1 / depth;
  return [
    (lambda_s * SPATIAL * cellX * cellZ) / cellY,
    (lambda_s * SPATIAL * cellY * cellZ) / cellX,
    (lambda_z * RANGE * cellX * cellY) / cellZ ** 2,
  ];
}

// D'D of the weighted differences along an axis: first ones, or second ones along the guide with
// first ones at its ends.
function penalty(nodes, weight, ofGuide) {
  const rows = [];
  const add = (at, coefficients) => rows.push(coefficients.map((value, k) => [at + k, value]));
  if (ofGuide && nodes > 2) {
    add(0, [-1, 1]);
    for (let k = 0; k < nodes - 2; k++) add(k, [1, -2, 1]);
    add(nodes - 2, [-1, 1]);
  } else {
    for (let k = 0; k < nodes - 1; k++) add(k, [-1, 1]);
  }
  const matrix = new Float64Array(nodes * nodes);
  for (const row of rows) for (const [i, a] of row) for (const [j, b] of row) matrix[i * nodes + j] += weight ** 2 * a * b;
  return matrix;
}

// Minimise the objective by block elimination along x, where the system is block tridiagonal.
// rows x columns x depth x terms x outputs.
function solveGrid(design, target, outputs, weights) {
  const [rows, columns, depth] = design.shape;
  const terms = outputs + 1, size = rows * depth * terms;
  const { diagonal, beside, load } = normalEquations(design, target, outputs);
  addPenalties({ diagonal, beside }, design.shape, terms, weights);
  const ahead = [];
  for (let x = 0; x < columns; x++) {
    const next = x < columns - 1 ? size : 0;
    if (x) {
      subtractProduct(diagonal[x], beside[x - 1], ahead[x - 1], size, size, true);
      subtractProduct(load[x], beside[x - 1], load[x - 1], size, outputs, true);
    }
    const right = new Float64Array(size * (outputs + next));
    for (let i = 0; i < size; i++) {
      right.set(load[x].subarray(i * outputs, (i + 1) * outputs), i * (outputs + next));
      if (next) right.set(beside[x].subarray(i * size, (i + 1) * size), i * (outputs + next) + outputs);
    }
    solve(diagonal[x], size, right, outputs + next);
    const further = new Float64Array(size * next);
    for (let i = 0; i < size; i++) {
      const at = i * (outputs + next);
      load[x].set(right.subarray(at, at + outputs), i * outputs);
      further.set(right.subarray(at + outputs, at + outputs + next), i * next);
    }
    ahead.push(further);
  }
  for (let x = columns - 2; x >= 0; x--) subtractProduct(load[x], ahead[x], load[x + 1], size, outputs, false);
  const result = new Float64Array(columns * size * outputs), inner = depth * terms * outputs;
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) result.set(load[x].subarray(y * inner, (y + 1) * inner), (y * columns + x) * inner);
  return result;
}

// Blocks by column of nodes: diagonal, beside (to the next column) and load; within a block y, z, term.
function normalEquations({ shape, base, corners, terms: values, count }, target, outputs) {
  const [rows, columns, depth] = shape;
  const terms = outputs + 1, size = rows * depth * terms;
  const blocks = (number, width) => Array.from({ length: number }, () => new Float64Array(size * width));
  const diagonal = blocks(columns, size), beside = blocks(columns - 1, size), load = blocks(columns, outputs);
  const places = new Int32Array(8 * terms), rowValues = new Float64Array(8 * terms);
  for (let pixel = 0; pixel < count; pixel++) {
    const z0 = base[pixel] % depth, x0 = Math.floor(base[pixel] / depth) % columns, y0 = Math.floor(base[pixel] / depth / columns);
    for (let corner = 0; corner < 8; corner++) {
      const node = ((y0 + (corner >> 2)) * depth + z0 + (corner & 1)) * terms;
      for (let v = 0; v < terms; v++) {
        places[corner * terms + v] = node + v;
        rowValues[corner * terms + v] = corners[pixel * 8 + corner] * values[pixel * terms + v];
      }
    }
    for (let i = 0; i < 8 * terms; i++) {
      if (!rowValues[i]) continue;
      const right = (Math.floor(i / terms) >> 1) & 1; // in the column to the right
      const own = diagonal[x0 + right];
      for (let u = 0; u < outputs; u++) load[x0 + right][places[i] * outputs + u] += rowValues[i] * target[pixel * outputs + u];
      for (let j = 0; j < 8 * terms; j++) {
        const otherRight = (Math.floor(j / terms) >> 1) & 1;
        if (right && !otherRight) continue; // the transpose of `beside`
        (otherRight > right ? beside[x0] : own)[places[i] * size + places[j]] += rowValues[i] * rowValues[j];
      }
    }
  }
  return { diagonal, beside, load };
}

function addPenalties({ diagonal, beside }, [rows, columns, depth], terms, [weightY, weightX, weightZ]) {
  const size = rows * depth * terms;
  const alongY = penalty(rows, weightY), alongX = penalty(columns, weightX), alongZ = penalty(depth, weightZ, true);
  const index = (y, z, v) => (y * depth + z) * terms + v;
  for (let y = 0; y < rows; y++)
    for (let z = 0; z < depth; z++)
      for (let v = 0; v < terms; v++) {
        const i = index(y, z, v);
        for (let x = 0; x < columns; x++) {
          for (let other = 0; other < rows; other++) diagonal[x][i * size + index(other, z, v)] += alongY[y * rows + other];
          for (let other = 0; other < depth; other++) diagonal[x][i * size + index(y, other, v)] += alongZ[z * depth + other];
          diagonal[x][i * size + i] += alongX[x * columns + x] + RIDGE;
          if (x < columns - 1) beside[x][i * size + i] += alongX[x * columns + x + 1];
        }
      }
}

// result -= matrix (or its transpose) x right; the zeros of the coupling blocks are left out.
function subtractProduct(result, matrix, right, size, width, transpose) {
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const factor = transpose ? matrix[k * size + i] : matrix[i * size + k];
      if (!factor) continue;
      for (let j = 0; j < width; j++) result[i * width + j] -= factor * right[k * width + j];
    }
}

function isGrey({ channels, data }) {
  for (let at = 0; at < data.length; at += channels)
    for (let c = 1; c < channels; c++) if (data[at + c] !== data[at]) return false;
  return true;
}

function transposed({ width, height, channels, data }) {
  const result = new Float32Array(data.length);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++, at++) result[(x * height + y) * channels + c] = data[at];
  return { width: height, height: width, channels, data: result };
}

function swapped({ shape: [rows, columns, ...others], values }) {
  const inner = others.reduce((a, b) => a * b);
  const result = new Float64Array(values.length);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      result.set(values.subarray((y * columns + x) * inner, (y * columns + x + 1) * inner), (x * rows + y) * inner);
  return { shape: [columns, rows, ...others], values: result };
}
