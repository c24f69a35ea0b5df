// The page: photographs, one shown at a time, each with its own settings.

import * as api from "./api.js";
import { Grid, bytes } from "./grid.js";
import * as histogram from "./histogram.js";
import { Viewer } from "./viewer.js";
import { zip } from "./zip.js";

const VIEW = 2048; // longest side of what the server shows of a photograph
const NAMES = ["Fine detail", "Texture", "Large shapes", "Colour and light"];
const $ = (id) => document.getElementById(id);

const photographs = [];
let shown = null;
let model = { levels: 4, finest: 1 };
const preset = () => ({ strength: 100, scales: Array(model.levels).fill(1), fusion: false, contrast: false });

const viewer = new Viewer({
  stage: $("stage"), canvas: $("canvas"), divider: $("divider"), zoom: $("zoom"),
  plain: new URLSearchParams(location.search).has("plain"), sharper,
});

// --- photographs in

async function add(files) {
  const fresh = [...files].map((file) => ({ file, name: file.name || "pasted.png", settings: preset() }));
  if (!fresh.length) return;
  photographs.push(...fresh);
  document.body.classList.remove("empty");
  $("view").hidden = $("controls").hidden = false;
  fresh.forEach(enlist);
  viewer.resize();
  // Two at a time: one is worked on while the next travels.
  const waiting = fresh.values();
  await Promise.all([1, 2].map(async () => {
    for (const photograph of waiting) await open(photograph);
  }));
}

async function open(photograph) {
  try {
    const found = await api.plan(photograph.file, photograph.name, { view: VIEW });
    photograph.small = new Blob([bytes(found.small)], { type: "image/png" });
    photograph.bitmap = await createImageBitmap(new Blob([bytes(found.view)]));
    photograph.pixels = await pixels(photograph.small);
    Object.assign(photograph, {
      width: found.width, height: found.height, ev: found.exposure_error,
      grid: new Grid(found.grid), strength: 1,
    });
    if (photographs.includes(photograph)) {
      relist(photograph);
      if (!shown) show(photograph);
    }
  } catch (error) {
    remove(photograph);
    // The server's sentence begins with the name it was told.
    notify(error.message.includes(photograph.name) ? error.message : `${photograph.name}: ${error.message}`);
  }
}

async function pixels(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  return pen.getImageData(0, 0, bitmap.width, bitmap.height);
}

// A photograph at its own size, if the browser can decode it; else a larger view of the server's.
async function sharper(photograph) {
  if (photograph.sharpened) return;
  photograph.sharpened = true;
  const largest = viewer.painter.largest;
  try {
    let bitmap;
    try {
      bitmap = await createImageBitmap(photograph.file, { imageOrientation: "from-image" });
    } catch {
      const found = await api.plan(photograph.file, photograph.name, { view: 4096 });
      bitmap = await createImageBitmap(new Blob([bytes(found.view)]));
    }
    const scale = Math.min(1, largest / Math.max(bitmap.width, bitmap.height));
    if (scale < 1) {
      const options = { resizeWidth: Math.round(bitmap.width * scale), resizeHeight: Math.round(bitmap.height * scale), resizeQuality: "high" };
      bitmap = await createImageBitmap(bitmap, options);
    }
    if (bitmap.width <= photograph.bitmap.width) return;
    photograph.bitmap = bitmap;
    if (shown === photograph) viewer.show(photograph);
  } catch (error) {
    notify(`${photograph.name}: ${error.message}`);
  }
}

// --- the strip

function enlist(photograph) {
  const item = (photograph.item = document.createElement("li"));
  const pick = document.createElement("button");
  pick.type = "button";
  pick.className = "pick";
  pick.disabled = true;
  const blank = document.createElement("span");
  blank.className = "blank";
  pick.append(blank, words("text", photograph.name, words("ev", "…")));
  pick.addEventListener("click", () => show(photograph));
  const away = document.createElement("button");
  away.type = "button";
  away.className = "remove";
  away.textContent = "×";
  away.setAttribute("aria-label", `Remove ${photograph.name}`);
  away.addEventListener("click", () => remove(photograph, true));
  item.append(pick, away);
  $("strip").append(item);
}

function relist(photograph) {
  const pick = photograph.item.querySelector(".pick");
  const image = document.createElement("img");
  image.alt = "";
  image.src = URL.createObjectURL(photograph.small);
  pick.querySelector(".blank").replaceWith(image);
  pick.querySelector(".ev").textContent = ev(photograph.ev);
  pick.disabled = false;
}

function remove(photograph, focus = false) {
  const place = photographs.indexOf(photograph);
  if (place < 0) return;
  photographs.splice(place, 1);
  const image = photograph.item.querySelector("img");
  if (image) URL.revokeObjectURL(image.src);
  photograph.item.remove();
  const next = photographs[place] ?? photographs[place - 1];
  if (!photographs.length) {
    document.body.classList.add("empty");
    $("view").hidden = $("controls").hidden = true;
  }
  if (shown === photograph) {
    shown = null;
    const ready = next?.grid ? next : photographs.find((one) => one.grid);
    if (ready) show(ready);
  }
  if (focus) (next?.item.querySelector(".pick") ?? document.querySelector(".choose")).focus();
}

function show(photograph) {
  shown = photograph;
  for (const one of photographs)
    one.item.querySelector(".pick").setAttribute("aria-current", String(one === photograph));
  const error = photograph.ev;
  const verdict = Math.abs(error) < 0.15 ? "exposure is right" : `${Math.abs(error).toFixed(1)} EV ${error < 0 ? "underexposed" : "overexposed"}`;
  const caption = $("caption");
  caption.replaceChildren(words("", photograph.name, null, "b"), ` ${photograph.width} × ${photograph.height}, ${verdict}`);
  fill(photograph.settings);
  viewer.show(photograph);
  chart();
}

// --- settings

function fill(settings) {
  $("strength").value = settings.strength;
  settings.scales.forEach((scale, level) => ($(`level-${level + 1}`).value = 100 * scale));
  $("fusion").checked = settings.fusion;
  $("contrast").checked = settings.contrast;
  for (const slider of document.querySelectorAll("#controls .slider")) say(slider);
}

function say(slider) {
  const text = `${slider.querySelector("input").value} %`;
  slider.querySelector("output").textContent = text;
  slider.querySelector("input").setAttribute("aria-valuetext", text);
}

function read() {
  return {
    strength: Number($("strength").value),
    scales: Array.from({ length: model.levels }, (_, k) => Number($(`level-${k + 1}`).value) / 100),
    fusion: $("fusion").checked,
    contrast: $("contrast").checked,
  };
}

const look = ({ scales, fusion, contrast }) => ({ scales: scales.join(","), fusion, contrast });

// The strength is applied here; all else changes the grid, which the server makes.
async function change() {
  if (!shown) return;
  performance.mark("asked");
  const photograph = shown;
  const before = JSON.stringify(look(photograph.settings));
  photograph.settings = read();
  photograph.strength = photograph.settings.strength / 100;
  if (JSON.stringify(look(photograph.settings)) !== before) return replan(photograph);
  viewer.draw();
  chart();
  performance.measure("preview", "asked");
}

async function replan(photograph) {
  photograph.stale = true;
  if (photograph.planning) return; // the one under way starts again when it is done
  photograph.planning = true;
  try {
    while (photograph.stale) {
      photograph.stale = false;
      const found = await api.plan(photograph.small, "small.png", look(photograph.settings));
      photograph.grid = new Grid(found.grid);
      if (shown === photograph) {
        viewer.update();
        chart();
      }
    }
    performance.measure("preview", "asked");
  } catch (error) {
    notify(`${photograph.name}: ${error.message}`);
  } finally {
    photograph.planning = false;
  }
}

function chart() {
  const { pixels: before, grid, strength } = shown;
  const after = new ImageData(new Uint8ClampedArray(before.data), before.width, before.height);
  const found = [before, grid.apply(after, strength)].map(histogram.counts);
  histogram.draw($("histogram"), ...found);
  $("histogram").setAttribute("aria-label", histogram.describe(...found));
}

// --- photographs out

async function corrected(photograph) {
  const { settings } = photograph;
  const parameters = { strength: settings.strength / 100, ...look(settings) };
  const data = await api.correct(photograph.file, photograph.name, parameters);
  return { name: outName(photograph.name, data.type), data };
}

function outName(name, type) {
  const suffixes = { "image/jpeg": ".jpg", "image/png": ".png", "image/tiff": ".tif", "image/webp": ".webp", "image/avif": ".avif", "image/heif": ".heic" };
  const dot = name.lastIndexOf(".");
  return `${dot > 0 ? name.slice(0, dot) : name}-corrected${suffixes[type] ?? ""}`;
}

function save({ name, data }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function busily(work) {
  const buttons = [$("download"), $("download-all")];
  buttons.forEach((button) => (button.disabled = true));
  $("busy").hidden = false;
  try {
    await work();
  } catch (error) {
    notify(error.message);
  } finally {
    buttons.forEach((button) => (button.disabled = false));
    $("busy").hidden = true;
  }
}

function download() {
  const photograph = shown;
  if (!photograph) return;
  busily(async () => {
    save(await corrected(photograph));
    tell(`${photograph.name} is corrected`);
  });
}

function downloadAll() {
  const ready = photographs.filter((one) => one.grid);
  busily(async () => {
    const files = [];
    for (const photograph of ready) {
      tell(`Correcting ${files.length + 1} of ${ready.length}`);
      try {
        files.push(await corrected(photograph));
      } catch (error) {
        notify(`${photograph.name}: ${error.message}`); // the others go on
      }
    }
    if (!files.length) return;
    save({ name: "midtone.zip", data: await zip(files) });
    tell(`${files.length} photographs are corrected`);
  });
}

// --- words

function words(name, text, child, tag = "span") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(text, ...(child ? [child] : []));
  return element;
}

const ev = (error) => `${error < 0 ? "−" : "+"}${Math.abs(error).toFixed(1)} EV`;

function tell(sentence) {
  $("status").textContent = sentence;
}

function notify(sentence) {
  const notice = document.createElement("p");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => notice.remove());
  notice.append(words("", sentence), close);
  $("notices").append(notice);
  while ($("notices").children.length > 4) $("notices").firstElementChild.remove();
}

// --- wiring

function levels() {
  for (let level = model.levels; level >= 1; level--) {
    const label = document.createElement("label");
    label.className = "slider";
    const input = document.createElement("input");
    Object.assign(input, { type: "range", id: `level-${level}`, min: 50, max: 150, value: 100, step: 5 });
    input.disabled = level < model.finest;
    const name = model.levels === NAMES.length ? NAMES[level - 1] : `Level ${level}`;
    label.append(words("", name), document.createElement("output"), input);
    $("levels").append(label);
  }
  if (model.finest > 1) {
    $("levels-note").hidden = false;
    $("levels-note").textContent = "This model leaves the finer levels to the photograph itself.";
  }
  fill(preset());
}

api.about().then(({ models }) => {
  model = models.find((one) => one.used) ?? model;
}).catch(() => notify("the server cannot be reached")).finally(levels);

for (const button of document.querySelectorAll(".choose")) button.addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => {
  add($("files").files);
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
  add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => add(event.clipboardData.files));
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("controls").addEventListener("input", (event) => {
  const slider = event.target.closest(".slider");
  if (slider) say(slider);
  change();
});
$("reset").addEventListener("click", () => {
  fill(preset());
  change();
});
$("same").addEventListener("click", () => {
  for (const photograph of photographs) {
    if (photograph === shown || !photograph.grid) continue;
    photograph.settings = read();
    photograph.strength = photograph.settings.strength / 100;
    replan(photograph);
  }
  tell("Used for all photographs");
});
$("download").addEventListener("click", download);
$("download-all").addEventListener("click", downloadAll);
$("zoom-in").addEventListener("click", () => viewer.zoomTo(viewer.scale * 1.25));
$("zoom-out").addEventListener("click", () => viewer.zoomTo(viewer.scale / 1.25));
$("zoom-fit").addEventListener("click", () => viewer.fit());
$("zoom-full").addEventListener("click", () => viewer.zoomTo(1));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && chart());
