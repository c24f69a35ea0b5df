// The stage: a photograph before and after, a divider, zoom and pan, by pointer, wheel and keys.

import { IDENTITY } from "./grid.js";
import { CanvasPainter, GlPainter } from "./painters.js";

const MAX_SCALE = 8; // canvas pixels for one of the photograph
const STEP = 1.25;

export class Viewer {
  // needsFullSize(photograph): called when the photograph is shown larger than its bitmap is
  constructor({ stage, canvas, divider, zoom, useCanvas, needsFullSize }) {
    Object.assign(this, { stage, canvas, divider, zoom, needsFullSize });
    this.share = 0.5; // of the stage's width, left of the divider
    this.uncorrected = false; // while the whole photograph is shown as it was
    this.pointers = new Map();
    try {
      if (useCanvas) throw new Error("not wanted");
      this.painter = new GlPainter(canvas);
    } catch {
      this.painter = new CanvasPainter(canvas);
    }
    canvas.dataset.painter = this.painter.constructor.name;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.painter = new GlPainter(canvas);
      if (this.photograph) this.show(this.photograph);
    });
    new ResizeObserver(() => this.resize()).observe(stage);
    this.listen();
  }

  // photograph: { bitmap, width, height, grid, strength, name }; the grid is null until it is known
  show(photograph) {
    const { width, height } = photograph;
    const same = this.photograph === photograph && this.shownSize === `${width} x ${height}`;
    this.photograph = photograph;
    this.shownSize = `${width} x ${height}`;
    this.stage.style.aspectRatio = `${width} / ${height}`; // where the height is free
    this.painter.setPicture(photograph.bitmap);
    this.canvas.dataset.width = photograph.bitmap.width;
    this.update(!same);
  }

  // Nothing to show yet; keep: the last picture may stay for a moment.
  clear(keep = false) {
    this.photograph = null;
    if (keep) return;
    this.stage.classList.remove("corrected");
    this.canvas.setAttribute("aria-label", "No photograph yet");
    this.painter.clear();
  }

  // After a change of the grid.
  update(fit = false) {
    const { grid, name } = this.photograph;
    this.painter.setGrid(grid ?? IDENTITY);
    this.stage.classList.toggle("corrected", Boolean(grid));
    this.canvas.setAttribute("aria-label", grid ? `${name}, before on the left and after on the right` : `${name}, not corrected yet`);
    if (fit) this.fit();
    else this.draw();
  }

  showUncorrected(uncorrected) {
    if (this.uncorrected === uncorrected) return;
    this.uncorrected = uncorrected;
    this.stage.classList.toggle("uncorrected", uncorrected);
    this.draw();
  }

  get fitting() {
    const { width, height } = this.photograph;
    const largest = Math.max(1, window.devicePixelRatio); // small photographs are not blown up
    return Math.min(this.canvas.width / width, this.canvas.height / height, largest);
  }

  fit() {
    if (!this.photograph) return;
    this.fitted = true;
    this.scale = this.fitting;
    this.centre = [this.photograph.width / 2, this.photograph.height / 2];
    this.draw();
  }

  // Zoom so that the point of the photograph under (x, y), in canvas pixels, stays there.
  zoomTo(scale, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    if (!this.photograph) return;
    const next = Math.min(MAX_SCALE, Math.max(this.fitting, scale));
    const factor = 1 / this.scale - 1 / next;
    this.centre[0] += (x - this.canvas.width / 2) * factor;
    this.centre[1] += (y - this.canvas.height / 2) * factor;
    this.scale = next;
    this.fitted = next === this.fitting;
    this.draw();
  }

  pan(dx, dy) {
    if (!this.photograph) return;
    this.centre[0] -= dx / this.scale;
    this.centre[1] -= dy / this.scale;
    this.draw();
  }

  divide(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.draw();
  }

  resize() {
    const ratio = window.devicePixelRatio;
    this.canvas.width = Math.max(1, Math.round(this.stage.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.stage.clientHeight * ratio));
    if (this.fitted) this.fit();
    else this.draw();
  }

  draw() {
    this.divider.style.left = `${100 * this.share}%`;
    this.divider.setAttribute("aria-valuenow", Math.round(100 * this.share));
    const photograph = this.photograph;
    if (!photograph) return;
    const { width, height } = this.canvas;
    const size = [photograph.width * this.scale, photograph.height * this.scale];
    const origin = [0, 1].map((axis) => {
      const room = [width, height][axis];
      const half = room / 2 / this.scale, whole = [photograph.width, photograph.height][axis];
      // No further than the picture's edge; a picture smaller than the stage stays in the middle.
      this.centre[axis] = size[axis] <= room ? whole / 2 : Math.min(whole - half, Math.max(half, this.centre[axis]));
      return Math.round(room / 2 - this.centre[axis] * this.scale); // pixel on pixel at 100 %
    });
    const divider = this.uncorrected ? width : this.share * width;
    this.painter.draw({ width, height, origin, size, divider, strength: photograph.strength });
    this.stage.classList.toggle("fitted", this.fitted); // then a finger scrolls the page
    this.zoom.textContent = `${Math.round(100 * this.scale)} %`;
    if (photograph.bitmap.width < 0.95 * Math.min(size[0], photograph.width)) this.needsFullSize(photograph);
  }

  listen() {
    const { stage, divider } = this;
    const position = (event) => {
      const box = stage.getBoundingClientRect(), ratio = window.devicePixelRatio;
      return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    };
    divider.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      divider.setPointerCapture(event.pointerId);
    });
    divider.addEventListener("pointermove", (event) => {
      if (divider.hasPointerCapture(event.pointerId)) this.divide(position(event)[0] / this.canvas.width);
    });
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.divide(this.share + step);
    });
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, position(event));
    });
    stage.addEventListener("pointermove", (event) => {
      const last = this.pointers.get(event.pointerId);
      if (!last) return;
      const now = position(event);
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      this.pointers.set(event.pointerId, now);
      this.pan((now[0] - last[0]) / this.pointers.size, (now[1] - last[1]) / this.pointers.size);
      if (other) {
        const stretch = Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.hypot(last[0] - other[0], last[1] - other[1]);
        this.zoomTo(this.scale * stretch, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      }
    });
    for (const end of ["pointerup", "pointercancel"])
      stage.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    stage.addEventListener("dblclick", (event) => {
      if (event.target.closest("#divider")) return;
      if (this.fitted) this.zoomTo(1, ...position(event));
      else this.fit();
    });
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomTo(this.scale * Math.exp(-event.deltaY / (event.deltaMode ? 15 : 400)), ...position(event));
    }, { passive: false });
    stage.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const far = 60 * window.devicePixelRatio;
      const action = {
        ArrowLeft: () => this.pan(far, 0), ArrowRight: () => this.pan(-far, 0),
        ArrowUp: () => this.pan(0, far), ArrowDown: () => this.pan(0, -far),
        "+": () => this.zoomTo(this.scale * STEP), "=": () => this.zoomTo(this.scale * STEP),
        "-": () => this.zoomTo(this.scale / STEP), 0: () => this.fit(), 1: () => this.zoomTo(1),
      }[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    });
  }
}
