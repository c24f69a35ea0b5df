// Files as the browser decodes them, for showing.

// { bitmap, width, height }: a picture, reduced to the longest side, and its own size
export async function decode(blob, longest) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const { width, height } = bitmap;
  const scale = longest / Math.max(width, height);
  if (scale >= 1) return { bitmap, width, height };
  const resizeWidth = Math.max(1, Math.round(width * scale)), resizeHeight = Math.max(1, Math.round(height * scale));
  const reduced = await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
  bitmap.close();
  return { bitmap: reduced, width, height };
}

// ImageData of a small picture.
export async function pixelsOf(blob) {
  const bitmap = await createImageBitmap(blob);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
