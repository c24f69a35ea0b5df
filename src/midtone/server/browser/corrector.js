// Correct a photograph: figure 3 of Afifi et al. 2021, as midtone/corrector.py has it.
//
// photograph -> Laplacian pyramid -> network -> post-processing -> bilateral grid -> photograph

import { fit } from "./fit.js";
import { fromSrgb } from "./icc.js";
import { clipped, exposureError, postprocess } from "./postprocess.js";
import { preprocess } from "./preprocess.js";
import { blendWithIdentity, sliceGrid } from "./slice.js";

// options: { strength, ev, protect_highlights, fusion, contrast, scales }, each of them or none
// { grid, exposureError }: the grid is in the photograph's colour space
export async function plan(network, config, photo, options) {
  const inputs = preprocess(photo, config, options.scales);
  const predicted = await network.predict(inputs);
  const prediction = postprocess(predicted, inputs.reference, config.postprocess);
  const error = exposureError(inputs.reference, clipped(prediction));
  const chosen = postprocess(prediction, inputs.reference, chosenSteps(options));
  const grid = fit(inputs.source, inSpaceOf(photo, chosen, inputs), config.grid);
  return { grid, exposureError: error };
}

// The photograph with its pixels overwritten.
export function apply({ grid }, photo, strength = 1) {
  sliceGrid(blendWithIdentity(grid, strength), photo.pixels);
  return photo;
}

// The steps that the user adds to the model's own.
function chosenSteps({ fusion, contrast, ev, protect_highlights }) {
  return [
    fusion && { step: "exposure_fusion" },
    contrast && { step: "contrast_stretch" },
    ev && { step: "exposure_trim", ev },
    protect_highlights && { step: "protect_highlights" },
  ].filter(Boolean);
}

// With a profile only the change is converted, so colours outside sRGB are moved, not lost.
function inSpaceOf({ profile }, prediction, { reference, source }) {
  if (!profile) return fromSrgb(prediction, null, source.channels);
  const after = fromSrgb(clipped(prediction), profile, source.channels);
  const before = fromSrgb(reference, profile, source.channels);
  return { ...source, data: source.data.map((value, at) => value + after.data[at] - before.data[at]) };
}
