// Painters of a photograph before and after its correction, left and right of a divider.
// GlPainter applies the grid on the graphics card, CanvasPainter on a smaller picture without WebGL.

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0, 1); }`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler2D photograph;
uniform sampler3D red, green, blue;
uniform vec2 canvas, origin, size;   // device pixels
uniform vec3 nodes;                  // columns, rows, depth
uniform float divider, strength;
out vec4 colour;
void main() {
  vec2 pixel = vec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y);
  vec2 position = (pixel - origin) / size;
  if (any(lessThan(position, vec2(0))) || any(greaterThan(position, vec2(1)))) discard;
  vec3 before = texture(photograph, position).rgb;
  float guide = dot(before, vec3(.25, .5, .25));
  vec3 node = (vec3(position, guide) * (nodes - 1.0) + .5) / nodes;
  vec4 affine = vec4(before, 1);
  vec3 after = vec3(dot(texture(red, node), affine), dot(texture(green, node), affine), dot(texture(blue, node), affine));
  colour = vec4(pixel.x < divider ? before : mix(before, after, strength), 1);
}`;

export class GlPainter {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.uniform = (name) => gl.getUniformLocation(program, name);
    ["photograph", "red", "green", "blue"].forEach((name, unit) => gl.uniform1i(this.uniform(name), unit));
    this.textures = [0, 1, 2, 3].map(() => gl.createTexture());
    this.maxSize = gl.getParameter(gl.MAX_TEXTURE_SIZE);
  }

  setPicture(bitmap) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.textures[0]);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  setGrid(grid) {
    const { gl } = this;
    this.nodes = [grid.columns, grid.rows, grid.depth];
    grid.volumes.forEach((volume, channel) => {
      gl.activeTexture(gl.TEXTURE1 + channel);
      gl.bindTexture(gl.TEXTURE_3D, this.textures[1 + channel]);
      gl.texImage3D(gl.TEXTURE_3D, 0, gl.RGBA16F, ...this.nodes, 0, gl.RGBA, gl.FLOAT, volume);
      for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R])
        gl.texParameteri(gl.TEXTURE_3D, side, gl.CLAMP_TO_EDGE);
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
        gl.texParameteri(gl.TEXTURE_3D, filter, gl.LINEAR);
    });
  }

  clear() {
    const { gl } = this;
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  // origin, size: of the photograph on the canvas; all in device pixels
  draw({ width, height, origin, size, divider, strength }) {
    const { gl } = this;
    gl.viewport(0, 0, width, height);
    this.clear();
    gl.uniform2f(this.uniform("canvas"), width, height);
    gl.uniform2f(this.uniform("origin"), ...origin);
    gl.uniform2f(this.uniform("size"), ...size);
    gl.uniform3f(this.uniform("nodes"), ...this.nodes);
    gl.uniform1f(this.uniform("divider"), divider);
    gl.uniform1f(this.uniform("strength"), strength);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

export class CanvasPainter {
  constructor(canvas) {
    this.context = canvas.getContext("2d");
    this.maxSize = 1024;
  }

  setPicture(bitmap) {
    const scale = Math.min(1, this.maxSize / Math.max(bitmap.width, bitmap.height));
    this.before = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    this.before.getContext("2d").drawImage(bitmap, 0, 0, this.before.width, this.before.height);
    this.after = null;
  }

  setGrid(grid) {
    this.grid = grid;
    this.after = null;
  }

  clear() {
    this.context.clearRect(0, 0, this.context.canvas.width, this.context.canvas.height);
  }

  draw({ width, height, origin, size, divider, strength }) {
    const { context, before } = this;
    if (!this.after || this.strength !== strength) {
      const pixels = before.getContext("2d").getImageData(0, 0, before.width, before.height);
      this.after = new OffscreenCanvas(before.width, before.height);
      this.after.getContext("2d").putImageData(this.grid.apply(pixels, strength), 0, 0);
      this.strength = strength;
    }
    context.clearRect(0, 0, width, height);
    for (const [picture, from, to] of [[before, 0, divider], [this.after, divider, width]]) {
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from, height);
      context.clip();
      context.drawImage(picture, ...origin, ...size);
      context.restore();
    }
  }
}
