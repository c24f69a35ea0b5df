// Small dense systems of equations in double precision; matrices are row by row.

const SWEEPS = 30;

// Solve matrix x = right for `width` right sides, by elimination with partial pivoting. Both are
// overwritten; the solution takes the place of `right`.
export function solve(matrix, size, right, width) {
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++) if (Math.abs(matrix[i * size + k]) > Math.abs(matrix[pivot * size + k])) pivot = i;
    if (pivot !== k) {
      swapRows(matrix, size, k, pivot);
      swapRows(right, width, k, pivot);
    }
    for (let i = k + 1; i < size; i++) {
      const factor = matrix[i * size + k] / matrix[k * size + k];
      if (!factor) continue;
      for (let j = k; j < size; j++) matrix[i * size + j] -= factor * matrix[k * size + j];
      for (let j = 0; j < width; j++) right[i * width + j] -= factor * right[k * width + j];
    }
  }
  for (let k = size - 1; k >= 0; k--) {
    for (let i = k + 1; i < size; i++) {
      const factor = matrix[k * size + i];
      if (!factor) continue;
      for (let j = 0; j < width; j++) right[k * width + j] -= factor * right[i * width + j];
    }
    for (let j = 0; j < width; j++) right[k * width + j] /= matrix[k * size + k];
  }
}

function swapRows(matrix, width, a, b) {
  const kept = matrix.slice(a * width, (a + 1) * width);
  matrix.copyWithin(a * width, b * width, (b + 1) * width);
  matrix.set(kept, b * width);
}

// Eigenvalues and eigenvectors (in columns) of a symmetric matrix, by Jacobi's rotations.
export function eigenvectors(symmetric, size) {
  const a = Float64Array.from(symmetric);
  const vectors = new Float64Array(size * size);
  for (let k = 0; k < size; k++) vectors[k * size + k] = 1;
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        if (!a[p * size + q]) continue;
        const theta = (a[q * size + q] - a[p * size + p]) / (2 * a[p * size + q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1), s = t * c;
        for (let k = 0; k < size; k++) rotate(a, k * size + p, k * size + q, c, s);
        for (let k = 0; k < size; k++) rotate(a, p * size + k, q * size + k, c, s);
        for (let k = 0; k < size; k++) rotate(vectors, k * size + p, k * size + q, c, s);
      }
  return { values: Array.from({ length: size }, (_, k) => a[k * size + k]), vectors };
}

function rotate(matrix, i, j, c, s) {
  const x = matrix[i], y = matrix[j];
  matrix[i] = c * x - s * y;
  matrix[j] = s * x + c * y;
}
