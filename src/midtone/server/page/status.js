// The state that the page shows: buttons, caption, histogram, progress.

import { equal } from "./form.js";
import * as histogram from "./histogram.js";
import { describe } from "./summary.js";

const $ = (id) => document.getElementById(id);

export class Status {
  constructor(page) {
    this.page = page;
    this.tasks = 0; // plans, decoding and downloads under way
    this.captionIsDue = false;
    this.text = ""; // beside the spinner, of what is not opening
  }

  updateButtons() {
    const { album, form, history } = this.page;
    const { photographs, planned, shown } = album;
    document.body.classList.toggle("empty", !photographs.length);
    $("view").hidden = $("controls").hidden = !photographs.length;
    $("download").disabled = !shown?.grid;
    $("compare").disabled = !shown?.grid;
    $("download-all").hidden = planned.length < 2;
    $("use-for-all").hidden = photographs.length < 2;
    $("undo").disabled = !history.past.length;
    $("redo").disabled = !history.future.length;
    for (const button of $("presets").children) {
      const settings = { ...form.defaults(form.light), ...JSON.parse(button.dataset.values) };
      button.setAttribute("aria-pressed", String(Boolean(shown) && equal(shown.settings, settings)));
    }
  }

  updateCaption() {
    if (this.captionIsDue) return;
    this.captionIsDue = true;
    requestAnimationFrame(() => {
      this.captionIsDue = false;
      this.drawCaption(this.page.album.shown);
    });
  }

  drawCaption(shown) {
    if (!shown) return;
    $("name").textContent = shown.name;
    $("size").textContent = shown.width ? `${shown.width} × ${shown.height}` : "";
    if (!shown.grid) {
      $("summary").textContent = "";
      histogram.clear($("histogram"));
      return;
    }
    const { pixels: before, grid, strength } = shown;
    const after = grid.apply(new ImageData(before.data.slice(), before.width, before.height), strength);
    $("summary").textContent = describe(shown.exposureError, before, after);
    const counts = [before, after].map(histogram.counts);
    histogram.draw($("histogram"), ...counts);
    $("histogram").setAttribute("aria-label", histogram.describe(...counts));
  }

  // Runs work and shows that something is under way.
  async during(work) {
    this.tasks++;
    this.updateProgress();
    try {
      return await work();
    } finally {
      this.tasks--;
      this.updateProgress();
    }
  }

  updateProgress() {
    const { done, total } = this.page.album.opening;
    const opening = total > 1 ? `${Math.min(done + 1, total)} of ${total}` : "Correcting";
    $("view").setAttribute("aria-busy", String(Boolean(this.tasks || total)));
    $("progress").hidden = !(this.tasks || total);
    $("progress-text").textContent = total ? opening : this.text;
  }

  announce(sentence) {
    $("status").textContent = sentence;
  }
}
