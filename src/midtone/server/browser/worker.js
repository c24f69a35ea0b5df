// The work on photographs, away from the page: { id, method, args } -> { id, result } or { id, error }.
// One request at a time, so that memory holds one photograph.

import { apply, plan } from "./corrector.js";
import { toSrgb } from "./icc.js";
import { loadNetwork } from "./network.js";
import * as photo from "./photo.js";
import * as png from "./png.js";
import { resize } from "./preprocess.js";

const ROOT = new URL("../", import.meta.url);
let loaded = null;
let last = Promise.resolve();

// The network and the pipeline of its model, loaded once; tried again after a failure.
function load() {
  loaded ??= loadAll().catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

async function loadAll() {
  const pipeline = await (await fetch(new URL("model/pipeline.json", ROOT))).json();
  return { pipeline, network: await loadNetwork(ROOT, pipeline) };
}

const methods = {
  // The provider that the network runs on.
  async load() {
    return (await load()).network.provider;
  },

  // The correction as a grid for the photograph in sRGB, and the photograph reduced to the network's
  // input size, which may be planned in its place.
  async plan(file, options, maxMegapixels) {
    const { network, pipeline } = await load();
    const found = await photo.read(file, maxMegapixels);
    const { width, height } = found.pixels;
    const reduced = inSrgb(resize(found.pixels, pipeline.size), found.profile);
    const planned = await plan(network, pipeline, { pixels: reduced, profile: null }, options);
    const values = Float32Array.from(planned.grid.values);
    const picture = await png.encode({ pixels: reduced, metadata: {} });
    return { width, height, exposureError: planned.exposureError, shape: planned.grid.shape, values, reduced: picture };
  },

  // The corrected file at full size: { suffix, data, notes }.
  async correct(file, options, maxMegapixels) {
    const { network, pipeline } = await load();
    const found = await photo.read(file, maxMegapixels);
    const planned = await plan(network, pipeline, found, options);
    const software = options.keep_software_tag ? null : softwareTag(pipeline, options);
    return photo.write(apply(planned, found, options.strength), { ...options, software });
  },
};

function inSrgb(image, profile) {
  const { width, height, channels, data } = toSrgb(image, profile);
  return { width, height, channels, data: Uint8ClampedArray.from(data, (value) => 255 * value) };
}

// As `software_tag` in midtone/batch/correct_one.py.
function softwareTag({ version, name, sha256 }, { strength = 1, ev = 0 }) {
  const trim = ev ? `, ${ev > 0 ? "+" : ""}${ev} EV` : "";
  return `midtone ${version} (model ${name} ${sha256.slice(0, 8)}, strength ${strength}${trim})`;
}

self.addEventListener("message", ({ data: { id, method, args } }) => {
  last = last.then(async () => {
    try {
      self.postMessage({ id, result: await methods[method](...args) });
    } catch (error) {
      self.postMessage({ id, error: error instanceof RangeError ? "too large for this browser's memory" : error.message });
    }
  });
});
