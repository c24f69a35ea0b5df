// A bilateral grid of affine colour transforms: rows x columns x depth nodes. A colour's position is
// its pixel's, and its depth .25 R + .5 G + .25 B.

export class Grid {
  // shape: rows, columns, depth, outputs, inputs; values: Float32Array in that order
  constructor(shape, values) {
    const [rows, columns, depth, outputs, inputs] = shape;
    Object.assign(this, { rows, columns, depth });
    // One volume for each of R, G, B: x = column, y = row, z = depth, four factors a node.
    this.volumes = [0, 1, 2].map(() => new Float32Array(4 * rows * columns * depth));
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++)
        for (let z = 0; z < depth; z++) {
          const from = ((y * columns + x) * depth + z) * outputs * inputs;
          const to = 4 * ((z * rows + y) * columns + x);
          for (let out = 0; out < 3; out++) {
            const volume = this.volumes[out];
            if (outputs === 1) { // a grey photograph: a gain and an offset for all channels
              volume[to + out] = values[from];
              volume[to + 3] = values[from + 1];
            } else {
              for (let k = 0; k < 4; k++) volume[to + k] = values[from + out * inputs + k];
            }
          }
        }
  }

  // Transforms ImageData in place; the values are rounded and clipped.
  apply(picture, strength) {
    const { width, height, data } = picture;
    const { rows, columns, depth, volumes } = this;
    const sum = new Float32Array(12);
    for (let y = 0, at = 0; y < height; y++) {
      const gy = ((y + 0.5) * (rows - 1)) / height;
      const y0 = Math.min(Math.floor(gy), Math.max(0, rows - 2)), fy = gy - y0;
      for (let x = 0; x < width; x++, at += 4) {
        const gx = ((x + 0.5) * (columns - 1)) / width;
        const x0 = Math.min(Math.floor(gx), Math.max(0, columns - 2)), fx = gx - x0;
        const r = data[at] / 255, g = data[at + 1] / 255, b = data[at + 2] / 255;
        const gz = (0.25 * r + 0.5 * g + 0.25 * b) * (depth - 1);
        const z0 = Math.min(Math.floor(gz), Math.max(0, depth - 2)), fz = gz - z0;
        sum.fill(0);
        for (let corner = 0; corner < 8; corner++) {
          const dx = corner & 1, dy = (corner >> 1) & 1, dz = corner >> 2;
          const weight = (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy) * (dz ? fz : 1 - fz);
          if (weight === 0) continue;
          const node = 4 * (((z0 + dz) * rows + y0 + dy) * columns + x0 + dx);
          for (let out = 0; out < 3; out++)
            for (let k = 0; k < 4; k++) sum[4 * out + k] += weight * volumes[out][node + k];
        }
        for (let out = 0; out < 3; out++) {
          const corrected = sum[4 * out] * r + sum[4 * out + 1] * g + sum[4 * out + 2] * b + sum[4 * out + 3];
          data[at + out] = data[at + out] * (1 - strength) + 255 * corrected * strength;
        }
      }
    }
    return picture;
  }
}

export const IDENTITY = new Grid([1, 1, 1, 3, 4], Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0));
