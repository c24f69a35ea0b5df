// Undo and redo of steps { undo(), redo() }.

const MAX_STEPS = 200;

export class History {
  // changed(): called after each change, for the buttons
  constructor(changed) {
    Object.assign(this, { past: [], future: [], changed });
  }

  push(step) {
    this.past.push(step);
    if (this.past.length > MAX_STEPS) this.past.shift();
    this.future = [];
    this.changed();
  }

  undo() {
    this.move(this.past, this.future, "undo");
  }

  redo() {
    this.move(this.future, this.past, "redo");
  }

  move(from, to, way) {
    const step = from.pop();
    if (!step) return;
    step[way]();
    to.push(step);
    this.changed();
  }
}
