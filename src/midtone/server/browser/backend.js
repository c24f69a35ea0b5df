// The page's back end without a server: the work is done by a worker in this browser. It has the
// methods of `ServerBackend` in page/api.js.

import { Grid } from "../page/grid.js";

export class BrowserBackend {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.requests = new Map();
    this.nextId = 0;
    this.worker.addEventListener("message", ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.requests.get(id);
      this.requests.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.worker.addEventListener("error", () => {
      for (const { reject } of this.requests.values()) reject(new Error("the page could not be loaded whole; reload it"));
    });
  }

  async about() {
    const response = await fetch(new URL("../about.json", import.meta.url));
    if (!response.ok) throw new Error(`about.json: ${response.status}`);
    const about = await response.json();
    this.limits = about.limits;
    this.kinds = new Map(about.correctParameters.map(({ name, schema }) => [name, kindOf(schema)]));
    // The first photograph then waits less; a failure is reported when a photograph is corrected.
    this.call("load").then((provider) => (document.documentElement.dataset.provider = provider), () => {});
    return about;
  }

  async plan(image, name, values) {
    const { shape, values: numbers, ...found } = await this.call("plan", image, this.options(values), this.limits.megapixels);
    return { ...found, grid: new Grid(shape, numbers) };
  }

  correct(file, name, values) {
    return this.call("correct", file, this.options(values), this.limits.megapixels);
  }

  // Settings as the form gives them, texts, as numbers and truth values.
  options(values) {
    return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, parse(this.kinds.get(name), text)]));
  }

  call(method, ...args) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.requests.set(id, { resolve, reject });
      this.worker.postMessage({ id, method, args });
    });
  }
}

const kindOf = (schema) => (schema.anyOf?.find(({ type }) => type !== "null") ?? schema).type;

function parse(kind, text) {
  if (kind === "array") return text.split(",").map(Number);
  if (kind === "boolean") return text === "true";
  return kind === "string" ? text : Number(text);
}
