// The photograph on the stage: the local file at once, if the browser can decode it, and the back
// end's preview when it has come.

import { decode } from "./pictures.js";

export const PREVIEW = 2048; // longest side of a photograph on the stage, until it is enlarged
const FULL_PREVIEW = 4096; // and then, if the browser cannot decode the file

export class Stage {
  constructor(page) {
    this.page = page;
  }

  async show(photograph) {
    const { album, fileSettings, form, status, strip, viewer } = this.page;
    if (album.shown && album.shown !== photograph) release(album.shown);
    album.shown = photograph;
    strip.mark(photograph);
    form.fill({ ...photograph.settings, ...fileSettings });
    if (!photograph.bitmap) viewer.clear(Boolean(photograph.preview)); // a preview is there at once
    status.updateButtons();
    status.updateCaption();
    const source = photograph.preview ?? photograph.file;
    await status.during(async () => {
      const found = await decode(source, PREVIEW).catch(() => null); // HEIC and RAW wait for the preview
      const outdated = album.shown !== photograph || source !== (photograph.preview ?? photograph.file);
      if (!found || outdated) return found?.bitmap.close();
      release(photograph);
      photograph.bitmap = found.bitmap;
      if (!photograph.grid) Object.assign(photograph, { width: found.width, height: found.height });
      viewer.show(photograph);
      status.updateCaption();
    });
  }

  clear() {
    release(this.page.album.shown);
    this.page.album.shown = null;
    this.page.viewer.clear();
  }

  // A larger bitmap of the photograph, once it is shown larger than its bitmap is.
  async enlarge(photograph) {
    const { album, backend, notices, status, viewer } = this.page;
    if (photograph.fullSize || !photograph.grid) return;
    photograph.fullSize = true;
    await status.during(async () => {
      try {
        const limit = viewer.painter.maxSize;
        const found = await decode(photograph.file, limit).catch(async () => {
          const plan = await backend.plan(photograph.file, photograph.name, {}, FULL_PREVIEW);
          return decode(plan.preview, limit);
        });
        if (album.shown !== photograph || found.bitmap.width <= photograph.bitmap.width) return found.bitmap.close();
        photograph.bitmap.close();
        photograph.bitmap = found.bitmap;
        viewer.show(photograph);
      } catch (error) {
        notices.show(`${photograph.name}: ${error.message}`);
      }
    });
  }
}

function release(photograph) {
  photograph.bitmap?.close();
  photograph.bitmap = null;
  photograph.fullSize = false;
}
