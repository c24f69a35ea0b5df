// The page's back end: the HTTP server. `BrowserBackend`, the page without a server, has the same
// three methods.

import { Grid } from "./grid.js";

const MAX_TRIES = 30;

export class ServerBackend {
  // { model: { levels, finest, size }, limits: { megabytes, megapixels }, planParameters, correctParameters }
  // Parameters: [{ name, description, schema }], as OpenAPI has them.
  async about() {
    const [found, description] = await Promise.all([json("api/models"), json("api/openapi.json")]);
    const parameters = (path) => description.paths[path].post.parameters;
    return {
      model: found.models.find((one) => one.in_use),
      limits: found.limits,
      planParameters: parameters("/api/plan").filter(({ name }) => name !== "preview"),
      correctParameters: parameters("/api/correct"),
    };
  }

  // The correction as a grid. image: the photograph's file, or `reduced` of an earlier plan.
  // preview: longest side of a JPEG that is wanted, or 0
  // { width, height, exposureError, grid, reduced: Blob, preview: Blob or undefined }
  async plan(image, name, values, preview = 0) {
    const response = await post("plan", image, name, preview ? { ...values, preview } : values);
    const found = await response.json();
    return {
      width: found.width,
      height: found.height,
      exposureError: found.exposure_error,
      grid: new Grid(found.grid.shape, new Float32Array(fromBase64(found.grid.float32).buffer)),
      reduced: new Blob([fromBase64(found.reduced)], { type: "image/png" }),
      preview: found.preview && new Blob([fromBase64(found.preview)], { type: "image/jpeg" }),
    };
  }

  // The corrected file at full size: { suffix, data: Blob, notes: sentences on what was not kept }
  async correct(file, name, values) {
    const response = await post("correct", file, name, values);
    const suffix = /\.\w+$/.exec(response.headers.get("Content-Disposition"))?.[0] ?? "";
    return { suffix, data: await response.blob(), notes: [] };
  }
}

async function json(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the server responded with ${response.status}`);
  return response.json();
}

async function post(address, body, name, values) {
  for (let tries = 1; ; tries++) {
    let response;
    try {
      response = await fetch(`api/${address}?${new URLSearchParams(values)}`, {
        method: "POST",
        body,
        // Header values are Latin-1; the name is used in messages, and its suffix for camera RAW.
        headers: { "X-File-Name": name.replace(/[^\x20-\x7e]/g, "_") },
      });
    } catch {
      throw new Error("the server cannot be reached");
    }
    if (response.ok) return response;
    if (response.status === 503 && tries < MAX_TRIES) {
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      continue;
    }
    const { error } = await response.json().catch(() => ({}));
    throw new Error(error ?? `the server responded with ${response.status}`);
  }
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
