// The page: photographs, one shown at a time, each with settings of its own.

import { Album } from "./album.js";
import { Downloads } from "./downloads.js";
import { listen, listenForFiles } from "./events.js";
import { Form } from "./form.js";
import { History } from "./history.js";
import { Notices } from "./notices.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { Status } from "./status.js";
import { Strip } from "./strip.js";
import { Viewer } from "./viewer.js";

const PRESETS = { Softer: { strength: 0.6 }, Natural: {}, Brighter: { ev: 0.5 } };
const $ = (id) => document.getElementById(id);

// backend: see api.js
export function start(backend) {
  // The parts of the page, each of which gets at the others here. Settings of the file are those of
  // all photographs.
  const page = { backend, limits: { megabytes: Infinity }, fileSettings: {}, committedFileSettings: {} };
  page.notices = new Notices($("notices"));
  page.album = new Album(page);
  page.stage = new Stage(page);
  page.settings = new Settings(page);
  page.status = new Status(page);
  page.downloads = new Downloads(page);
  page.history = new History(() => page.status.updateButtons());
  page.strip = new Strip($("strip"), (one) => page.stage.show(one), (one) => page.album.removeByUser(one));
  const sections = { light: $("light"), file: $("file"), advanced: $("advanced-controls") };
  page.form = new Form($("controls"), sections, () => page.settings.read(), () => page.settings.commit());
  page.viewer = new Viewer({
    stage: $("stage"), canvas: $("canvas"), divider: $("divider"), zoom: $("zoom"),
    useCanvas: new URLSearchParams(location.search).has("canvas"), needsFullSize: (one) => page.stage.enlarge(one),
  });
  listen(page);
  const ready = backend.about().then(
    (about) => build(page, about),
    (error) => page.notices.show(`${error.message}; reload the page`),
  );
  listenForFiles(async (files) => (await ready) && page.album.add(files));
}

function build(page, about) {
  const { album, form, settings } = page;
  page.limits = about.limits;
  form.build(about);
  page.fileSettings = page.committedFileSettings = form.defaults(form.file);
  for (const [name, values] of Object.entries(PRESETS)) {
    if (!Object.keys(values).every((key) => form.light.includes(key))) continue;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: name });
    button.addEventListener("click", () => {
      if (album.shown) settings.applyAsStep([[album.shown, { ...form.defaults(form.light), ...values }]]);
    });
    button.dataset.values = JSON.stringify(values);
    $("presets").append(button);
  }
  return true;
}
