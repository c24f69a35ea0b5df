// Corrected photographs as files: one, or all in an archive.

import { zip } from "./zip.js";

const $ = (id) => document.getElementById(id);

export class Downloads {
  constructor(page) {
    this.page = page;
  }

  async one() {
    const { album, status } = this.page;
    const photograph = album.shown;
    if (!photograph?.grid) return;
    await this.during(async () => {
      save(await this.corrected(photograph));
      status.announce(`${photograph.name} is corrected`);
    });
  }

  all() {
    const { album, notices, status } = this.page;
    const { planned } = album;
    return this.during(async () => {
      const files = [];
      for (const photograph of planned) {
        status.text = `${files.length + 1} of ${planned.length}`;
        status.updateProgress();
        try {
          files.push(await this.corrected(photograph));
        } catch (error) {
          notices.show(`${photograph.name}: ${error.message}`); // the others go on
        }
      }
      if (!files.length) return;
      save({ name: "midtone.zip", data: await zip(files) });
      status.announce(`${files.length} photographs are corrected`);
    });
  }

  async corrected(photograph) {
    const { backend, fileSettings, form, notices } = this.page;
    const values = form.values({ ...photograph.settings, ...fileSettings });
    const { suffix, data, notes } = await backend.correct(photograph.file, photograph.name, values);
    for (const note of notes) notices.show(`${photograph.name}: ${note}`);
    photograph.saved = JSON.stringify([photograph.settings, fileSettings]);
    const dot = photograph.name.lastIndexOf(".");
    return { name: `${dot > 0 ? photograph.name.slice(0, dot) : photograph.name}-corrected${suffix}`, data };
  }

  // Whether each photograph was downloaded with its present settings.
  get areComplete() {
    const { album, fileSettings } = this.page;
    return album.photographs.every((one) => one.saved === JSON.stringify([one.settings, fileSettings]));
  }

  async during(work) {
    const { notices, status } = this.page;
    $("download").disabled = $("download-all").disabled = true;
    status.text = "Correcting at full size";
    try {
      await status.during(work);
    } catch (error) {
      notices.show(error.message);
    }
    status.text = "";
    $("download-all").disabled = false;
    status.updateButtons();
  }
}

function save({ name, data }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
