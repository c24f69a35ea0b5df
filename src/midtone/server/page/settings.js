// Settings of the photographs: applied while a control moves, one step to undo when it is let go.

import { equal } from "./form.js";

export class Settings {
  constructor(page) {
    this.page = page;
  }

  // While a control moves. The strength is applied here; the rest changes the grid.
  read() {
    const { album, form } = this.page;
    if (!album.shown) return;
    this.page.fileSettings = form.read(form.file);
    this.apply(album.shown, form.read(form.light));
  }

  apply(photograph, settings) {
    const { album, status, viewer } = this.page;
    const planned = ({ strength, ...others }) => others;
    const same = equal(planned(settings), planned(photograph.settings));
    photograph.settings = settings;
    photograph.strength = settings.strength;
    if (!same) this.replan(photograph);
    else if (album.shown === photograph && photograph.grid) viewer.draw();
    if (album.shown === photograph) status.updateCaption();
    status.updateButtons();
  }

  async replan(photograph) {
    const { album, backend, form, notices, status, viewer } = this.page;
    photograph.outdated = true;
    if (!photograph.reduced || photograph.planning) return; // the plan under way is followed by another
    photograph.planning = true;
    await status.during(async () => {
      try {
        while (photograph.outdated) {
          photograph.outdated = false;
          const plan = await backend.plan(photograph.reduced, "reduced.png", form.values(photograph.settings));
          photograph.grid = plan.grid;
          if (album.shown !== photograph || !photograph.bitmap) continue;
          viewer.update();
          status.updateCaption();
        }
      } catch (error) {
        notices.show(`${photograph.name}: ${error.message}`);
      }
    });
    photograph.planning = false;
  }

  // When a control is let go: one step to undo.
  commit() {
    const { album, committedFileSettings } = this.page;
    const photograph = album.shown;
    if (!photograph) return;
    this.read();
    const before = [photograph.committed, committedFileSettings];
    const after = [photograph.settings, this.page.fileSettings];
    if (equal(before, after)) return;
    this.record([[photograph, ...before]], [[photograph, ...after]]);
  }

  // changes: [[photograph, settings]], as one step to undo
  applyAsStep(changes) {
    const { album, fileSettings } = this.page;
    const changed = changes.filter(([photograph, settings]) => !equal(photograph.settings, settings));
    if (!changed.length) return;
    const before = changed.map(([photograph]) => [photograph, photograph.committed, fileSettings]);
    const after = changed.map(([photograph, settings]) => [photograph, settings, fileSettings]);
    this.restore(after, album.shown);
    this.record(before, after);
  }

  record(before, after) {
    const view = this.page.album.shown;
    for (const [photograph, settings, file] of after) {
      photograph.committed = settings;
      this.page.committedFileSettings = file;
    }
    this.page.history.push({ undo: () => this.restore(before, view), redo: () => this.restore(after, view) });
  }

  restore(states, view) {
    const { album, form, stage, status } = this.page;
    for (const [photograph, settings, file] of states) {
      this.page.fileSettings = this.page.committedFileSettings = file;
      photograph.committed = settings;
      this.apply(photograph, settings);
    }
    if (view !== album.shown && album.photographs.includes(view)) stage.show(view);
    else if (album.shown) form.fill({ ...album.shown.settings, ...this.page.fileSettings });
    status.updateButtons();
  }
}
