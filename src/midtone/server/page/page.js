// The page: photographs, one shown at a time, each with settings of its own.

import { ServerBackend } from "./api.js";
import { Form, equal } from "./form.js";
import * as histogram from "./histogram.js";
import { History } from "./history.js";
import { Notices } from "./notices.js";
import { Strip } from "./strip.js";
import { describe } from "./summary.js";
import { Viewer } from "./viewer.js";
import { zip } from "./zip.js";

const PREVIEW = 2048; // longest side of a photograph on the stage, until it is enlarged
const FULL_PREVIEW = 4096; // and then, if the browser cannot decode the file
const PARALLEL = 2; // one photograph is sent while another is worked on
const PRESETS = { Softer: { strength: 0.6 }, Natural: {}, Brighter: { ev: 0.5 } };
const $ = (id) => document.getElementById(id);

// { file, name, settings, committed, item } and, once it is planned, { width, height, exposureError,
// grid, strength, reduced, pixels, preview }; bitmap and fullSize while it is shown.
const photographs = [];
let shown = null;
let fileSettings = {}; // of all photographs
let committedFileSettings = {};
let limits = { megabytes: Infinity };
const waiting = [];
const opening = { done: 0, total: 0, workers: 0 };
let tasks = 0; // plans, decoding and downloads under way

const backend = new ServerBackend();
const notices = new Notices($("notices"));
const history = new History(updateButtons);
const strip = new Strip($("strip"), show, removeByUser);
const sections = { light: $("light"), file: $("file"), advanced: $("advanced-controls") };
const form = new Form($("controls"), sections, settingsChanged, commit);
const viewer = new Viewer({
  stage: $("stage"), canvas: $("canvas"), divider: $("divider"), zoom: $("zoom"),
  useCanvas: new URLSearchParams(location.search).has("canvas"), needsFullSize: loadFullSize,
});
const ready = backend.about().then(build, (error) => notices.show(`${error.message}; reload the page`));

function build(about) {
  limits = about.limits;
  form.build(about);
  fileSettings = committedFileSettings = form.defaults(form.file);
  for (const [name, values] of Object.entries(PRESETS)) {
    if (!Object.keys(values).every((key) => form.light.includes(key))) continue;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: name });
    button.addEventListener("click", () => {
      const settings = { ...form.defaults(form.light), ...values };
      if (shown) applyAsStep([[shown, settings]]);
    });
    button.dataset.values = JSON.stringify(values);
    $("presets").append(button);
  }
  return true;
}

// --- photographs in

async function add(files) {
  if (!(await ready)) return;
  const added = [];
  for (const file of files) {
    const name = file.name || "pasted.png";
    if (file.size > limits.megabytes * 1e6) notices.show(`${name}: the file is larger than the limit of ${limits.megabytes} MB`);
    else added.push({ file, name, settings: form.defaults(form.light), committed: form.defaults(form.light), grid: null, strength: 1 });
  }
  if (!added.length) return;
  photographs.push(...added);
  waiting.push(...added);
  opening.total += added.length;
  added.forEach((photograph) => strip.add(photograph));
  updateButtons();
  viewer.resize();
  show(added[0]);
  while (waiting.length && opening.workers < PARALLEL) openWaiting();
}

async function openWaiting() {
  opening.workers++;
  while (waiting.length) {
    const index = Math.max(0, waiting.indexOf(shown)); // the one on the stage first
    const [photograph] = waiting.splice(index, 1);
    if (photographs.includes(photograph)) await open(photograph);
    opening.done++;
    updateProgress();
  }
  opening.workers--;
  if (!opening.workers) Object.assign(opening, { done: 0, total: 0 });
  updateProgress();
}

async function open(photograph) {
  try {
    const plan = await backend.plan(photograph.file, photograph.name, form.values(photograph.settings), PREVIEW);
    photograph.pixels = await pixelsOf(plan.reduced);
    Object.assign(photograph, plan);
    strip.update(photograph);
    if (photograph.outdated) replan(photograph);
    if (shown === photograph) await show(photograph);
    updateButtons();
  } catch (error) {
    remove(photograph);
    notices.show(error.message.includes(photograph.name) ? error.message : `${photograph.name}: ${error.message}`);
  }
}

async function pixelsOf(blob) {
  const bitmap = await createImageBitmap(blob);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

// { bitmap, width, height }: a picture, reduced to the longest side, and its own size
async function decode(blob, longest) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const { width, height } = bitmap;
  const scale = longest / Math.max(width, height);
  if (scale >= 1) return { bitmap, width, height };
  const resizeWidth = Math.max(1, Math.round(width * scale)), resizeHeight = Math.max(1, Math.round(height * scale));
  const reduced = await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
  bitmap.close();
  return { bitmap: reduced, width, height };
}

// --- the photograph on the stage

// The local file at once, if the browser can decode it; the back end's preview when it has come.
async function show(photograph) {
  if (shown && shown !== photograph) release(shown);
  shown = photograph;
  strip.mark(shown);
  form.fill({ ...photograph.settings, ...fileSettings });
  if (!photograph.bitmap) viewer.clear(Boolean(photograph.preview)); // a preview is there at once
  updateButtons();
  updateCaption();
  const source = photograph.preview ?? photograph.file;
  await during(async () => {
    const found = await decode(source, PREVIEW).catch(() => null); // HEIC and RAW wait for the preview
    const outdated = shown !== photograph || source !== (photograph.preview ?? photograph.file);
    if (!found || outdated) return found?.bitmap.close();
    release(photograph);
    photograph.bitmap = found.bitmap;
    if (!photograph.grid) Object.assign(photograph, { width: found.width, height: found.height });
    viewer.show(photograph);
    updateCaption();
  });
}

function release(photograph) {
  photograph.bitmap?.close();
  photograph.bitmap = null;
  photograph.fullSize = false;
}

async function loadFullSize(photograph) {
  if (photograph.fullSize || !photograph.grid) return;
  photograph.fullSize = true;
  await during(async () => {
    try {
      const limit = viewer.painter.maxSize;
      const found = await decode(photograph.file, limit).catch(async () => {
        const plan = await backend.plan(photograph.file, photograph.name, {}, FULL_PREVIEW);
        return decode(plan.preview, limit);
      });
      if (shown !== photograph || found.bitmap.width <= photograph.bitmap.width) return found.bitmap.close();
      photograph.bitmap.close();
      photograph.bitmap = found.bitmap;
      viewer.show(photograph);
    } catch (error) {
      notices.show(`${photograph.name}: ${error.message}`);
    }
  });
}

function step(by) {
  const next = photographs[photographs.indexOf(shown) + by];
  if (next) show(next);
}

function remove(photograph) {
  const index = photographs.indexOf(photograph);
  if (index < 0) return;
  photographs.splice(index, 1);
  photograph.item.remove();
  if (shown === photograph) {
    release(photograph);
    shown = null;
    viewer.clear();
    const next = photographs[index] ?? photographs[index - 1];
    if (next) show(next);
  }
  updateButtons();
}

function removeByUser(photograph) {
  const index = photographs.indexOf(photograph);
  remove(photograph);
  history.push({
    undo() {
      photographs.splice(index, 0, photograph);
      strip.insert(photograph, index);
      if (!photograph.grid) enqueueAgain(photograph);
      show(photograph);
    },
    redo: () => remove(photograph),
  });
  (shown?.item.querySelector(".pick") ?? document.querySelector(".choose")).focus();
}

function enqueueAgain(photograph) {
  if (waiting.includes(photograph)) return;
  waiting.push(photograph);
  opening.total++;
  if (opening.workers < PARALLEL) openWaiting();
}

// --- settings

// While a control moves. The strength is applied here; the rest changes the grid.
function settingsChanged() {
  if (!shown) return;
  fileSettings = form.read(form.file);
  apply(shown, form.read(form.light));
}

function apply(photograph, settings) {
  const planned = ({ strength, ...others }) => others;
  const same = equal(planned(settings), planned(photograph.settings));
  photograph.settings = settings;
  photograph.strength = settings.strength;
  if (!same) replan(photograph);
  else if (shown === photograph && photograph.grid) viewer.draw();
  if (shown === photograph) updateCaption();
  updateButtons();
}

async function replan(photograph) {
  photograph.outdated = true;
  if (!photograph.reduced || photograph.planning) return; // the plan under way is followed by another
  photograph.planning = true;
  await during(async () => {
    try {
      while (photograph.outdated) {
        photograph.outdated = false;
        const plan = await backend.plan(photograph.reduced, "reduced.png", form.values(photograph.settings));
        photograph.grid = plan.grid;
        if (shown !== photograph || !photograph.bitmap) continue;
        viewer.update();
        updateCaption();
      }
    } catch (error) {
      notices.show(`${photograph.name}: ${error.message}`);
    }
  });
  photograph.planning = false;
}

// When a control is let go: one step to undo.
function commit() {
  if (!shown) return;
  settingsChanged();
  const photograph = shown;
  const before = [photograph.committed, committedFileSettings];
  const after = [photograph.settings, fileSettings];
  if (equal(before, after)) return;
  record([[photograph, ...before]], [[photograph, ...after]]);
}

// changes: [[photograph, settings]], as one step to undo
function applyAsStep(changes) {
  const changed = changes.filter(([photograph, settings]) => !equal(photograph.settings, settings));
  if (!changed.length) return;
  const before = changed.map(([photograph]) => [photograph, photograph.committed, fileSettings]);
  const after = changed.map(([photograph, settings]) => [photograph, settings, fileSettings]);
  restore(after, shown);
  record(before, after);
}

function record(before, after) {
  const view = shown;
  for (const [photograph, settings, file] of after) {
    photograph.committed = settings;
    committedFileSettings = file;
  }
  history.push({ undo: () => restore(before, view), redo: () => restore(after, view) });
}

function restore(states, view) {
  for (const [photograph, settings, file] of states) {
    fileSettings = committedFileSettings = file;
    photograph.committed = settings;
    apply(photograph, settings);
  }
  if (view !== shown && photographs.includes(view)) show(view);
  else if (shown) form.fill({ ...shown.settings, ...fileSettings });
  updateButtons();
}

// --- what the page says

function updateButtons() {
  const planned = photographs.filter((one) => one.grid);
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

let captionIsDue = false;

function updateCaption() {
  if (captionIsDue) return;
  captionIsDue = true;
  requestAnimationFrame(() => {
    captionIsDue = false;
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
  });
}

// Runs work and shows that something is under way.
async function during(work) {
  tasks++;
  updateProgress();
  try {
    return await work();
  } finally {
    tasks--;
    updateProgress();
  }
}

let progressText = "";

function updateProgress() {
  const { done, total } = opening;
  const text = total ? (total > 1 ? `${Math.min(done + 1, total)} of ${total}` : "Correcting") : progressText;
  $("view").setAttribute("aria-busy", String(Boolean(tasks || total)));
  $("progress").hidden = !(tasks || total);
  $("progress-text").textContent = text;
}

function announce(sentence) {
  $("status").textContent = sentence;
}

// --- photographs out

async function corrected(photograph) {
  const values = form.values({ ...photograph.settings, ...fileSettings });
  const { suffix, data } = await backend.correct(photograph.file, photograph.name, values);
  photograph.saved = JSON.stringify([photograph.settings, fileSettings]);
  const dot = photograph.name.lastIndexOf(".");
  return { name: `${dot > 0 ? photograph.name.slice(0, dot) : photograph.name}-corrected${suffix}`, data };
}

function save({ name, data }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function download() {
  const photograph = shown;
  if (!photograph?.grid) return;
  await downloading(async () => {
    save(await corrected(photograph));
    announce(`${photograph.name} is corrected`);
  });
}

function downloadAll() {
  const planned = photographs.filter((one) => one.grid);
  return downloading(async () => {
    const files = [];
    for (const photograph of planned) {
      progressText = `${files.length + 1} of ${planned.length}`;
      updateProgress();
      try {
        files.push(await corrected(photograph));
      } catch (error) {
        notices.show(`${photograph.name}: ${error.message}`); // the others go on
      }
    }
    if (!files.length) return;
    save({ name: "midtone.zip", data: await zip(files) });
    announce(`${files.length} photographs are corrected`);
  });
}

async function downloading(work) {
  $("download").disabled = $("download-all").disabled = true;
  progressText = "Correcting at full size";
  try {
    await during(work);
  } catch (error) {
    notices.show(error.message);
  }
  progressText = "";
  $("download-all").disabled = false;
  updateButtons();
}

// --- events

const keys = {
  n: () => step(1), p: () => step(-1), d: () => !$("download").disabled && download(),
  b: () => shown?.grid && viewer.showUncorrected(true), "?": () => $("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if ($("keys").open || event.altKey || event.target.matches("input[type=number], input[type=text]")) return;
  const key = event.key.toLowerCase();
  let action = event.target.matches("select") ? null : keys[key];
  if (event.ctrlKey || event.metaKey) {
    action = { z: () => (event.shiftKey ? history.redo() : history.undo()), y: () => history.redo() }[key];
  }
  if (!action) return;
  event.preventDefault();
  if (!event.repeat || event.ctrlKey || event.metaKey) action();
});
document.addEventListener("keyup", (event) => event.key.toLowerCase() === "b" && viewer.showUncorrected(false));
window.addEventListener("blur", () => viewer.showUncorrected(false));
window.addEventListener("beforeunload", (event) => {
  const current = (one) => JSON.stringify([one.settings, fileSettings]);
  if (photographs.some((one) => one.saved !== current(one))) event.preventDefault();
});

for (const button of document.querySelectorAll(".choose")) button.addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => {
  add([...$("files").files]);
  $("files").value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  add([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => add([...event.clipboardData.files]));
$("compare").addEventListener("pointerdown", () => viewer.showUncorrected(true));
for (const end of ["pointerup", "pointerleave", "pointercancel"]) $("compare").addEventListener(end, () => viewer.showUncorrected(false));
$("compare").addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && viewer.showUncorrected(true));
$("compare").addEventListener("keyup", () => viewer.showUncorrected(false));
$("reset").addEventListener("click", () => shown && applyAsStep([[shown, form.defaults(form.light)]]));
$("use-for-all").addEventListener("click", () => {
  applyAsStep(photographs.map((photograph) => [photograph, shown.settings]));
  announce("Used for all photographs");
});
$("undo").addEventListener("click", () => history.undo());
$("redo").addEventListener("click", () => history.redo());
$("download").addEventListener("click", download);
$("download-all").addEventListener("click", downloadAll);
$("zoom-in").addEventListener("click", () => viewer.zoomTo(viewer.scale * 1.25));
$("zoom-out").addEventListener("click", () => viewer.zoomTo(viewer.scale / 1.25));
$("zoom-fit").addEventListener("click", () => viewer.fit());
$("zoom-full").addEventListener("click", () => viewer.zoomTo(1));
$("show-keys").addEventListener("click", () => $("keys").showModal());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", updateCaption);
