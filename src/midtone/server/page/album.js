// The photographs: added, planned, removed, and the one of them that is shown.
//
// A photograph is { file, name, settings, committed, item } and, once it is planned,
// { width, height, exposureError, grid, strength, reduced, pixels, preview }; bitmap and fullSize
// while it is shown.

import { pixelsOf } from "./pictures.js";
import { PREVIEW } from "./stage.js";

const PARALLEL = 2; // one photograph is sent while another is worked on

export class Album {
  constructor(page) {
    this.page = page;
    this.photographs = [];
    this.shown = null;
    this.waiting = [];
    this.opening = { done: 0, total: 0, workers: 0 };
  }

  get planned() {
    return this.photographs.filter((one) => one.grid);
  }

  add(files) {
    const { form, limits, notices, stage, status, strip, viewer } = this.page;
    const added = [];
    for (const file of files) {
      const name = file.name || "pasted.png";
      if (file.size > limits.megabytes * 1e6) notices.show(`${name}: the file is larger than the limit of ${limits.megabytes} MB`);
      else added.push({ file, name, settings: form.defaults(form.light), committed: form.defaults(form.light), grid: null, strength: 1 });
    }
    if (!added.length) return;
    this.photographs.push(...added);
    this.waiting.push(...added);
    this.opening.total += added.length;
    added.forEach((photograph) => strip.add(photograph));
    status.updateButtons();
    viewer.resize();
    stage.show(added[0]);
    while (this.waiting.length && this.opening.workers < PARALLEL) this.openWaiting();
  }

  async openWaiting() {
    const { opening, waiting, page } = this;
    opening.workers++;
    while (waiting.length) {
      const index = Math.max(0, waiting.indexOf(this.shown)); // the one on the stage first
      const [photograph] = waiting.splice(index, 1);
      if (this.photographs.includes(photograph)) await this.open(photograph);
      opening.done++;
      page.status.updateProgress();
    }
    opening.workers--;
    if (!opening.workers) Object.assign(opening, { done: 0, total: 0 });
    page.status.updateProgress();
  }

  async open(photograph) {
    const { backend, form, notices, settings, stage, status, strip } = this.page;
    try {
      const plan = await backend.plan(photograph.file, photograph.name, form.values(photograph.settings), PREVIEW);
      photograph.pixels = await pixelsOf(plan.reduced);
      Object.assign(photograph, plan);
      strip.update(photograph);
      if (photograph.outdated) settings.replan(photograph);
      if (this.shown === photograph) await stage.show(photograph);
      status.updateButtons();
    } catch (error) {
      this.remove(photograph);
      notices.show(error.message.includes(photograph.name) ? error.message : `${photograph.name}: ${error.message}`);
    }
  }

  step(by) {
    const next = this.photographs[this.photographs.indexOf(this.shown) + by];
    if (next) this.page.stage.show(next);
  }

  remove(photograph) {
    const { stage, status } = this.page;
    const index = this.photographs.indexOf(photograph);
    if (index < 0) return;
    this.photographs.splice(index, 1);
    photograph.item.remove();
    if (this.shown === photograph) {
      stage.clear();
      const next = this.photographs[index] ?? this.photographs[index - 1];
      if (next) stage.show(next);
    }
    status.updateButtons();
  }

  removeByUser(photograph) {
    const { history, stage, strip } = this.page;
    const index = this.photographs.indexOf(photograph);
    this.remove(photograph);
    history.push({
      undo: () => {
        this.photographs.splice(index, 0, photograph);
        strip.insert(photograph, index);
        if (!photograph.grid) this.enqueueAgain(photograph);
        stage.show(photograph);
      },
      redo: () => this.remove(photograph),
    });
    (this.shown?.item.querySelector(".pick") ?? document.querySelector(".choose")).focus();
  }

  enqueueAgain(photograph) {
    if (this.waiting.includes(photograph)) return;
    this.waiting.push(photograph);
    this.opening.total++;
    if (this.opening.workers < PARALLEL) this.openWaiting();
  }
}
