// Histograms of luma before (filled) and after (line), square roots of the counts.

export function counts({ data }) {
  const bins = new Float32Array(64);
  for (let at = 0; at < data.length; at += 4)
    bins[(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) >> 2]++;
  return bins;
}

export function draw(canvas, before, after) {
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const { width, height } = canvas;
  const top = Math.sqrt(Math.max(...before.slice(1, -1), ...after.slice(1, -1), 1)) * 1.1;
  const trace = (bins) => {
    context.beginPath();
    context.moveTo(0, height);
    bins.forEach((count, k) => {
      const y = height * (1 - Math.min(1, Math.sqrt(count) / top));
      context.lineTo((k * width) / bins.length, y);
      context.lineTo(((k + 1) * width) / bins.length, y);
    });
    context.lineTo(width, height);
  };
  context.clearRect(0, 0, width, height);
  trace(before);
  context.globalAlpha = 0.45;
  context.fillStyle = style.getPropertyValue("--soft");
  context.fill();
  context.globalAlpha = 1;
  trace(after);
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 4;
  context.stroke();
}

export function clear(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  canvas.setAttribute("aria-label", "Histogram before and after");
}

export function describe(before, after) {
  const of = (bins) => {
    const total = bins.reduce((sum, count) => sum + count, 0);
    const share = (count) => `${Math.round((100 * count) / total)} %`;
    return `${share(bins[0])} black, ${share(bins[63])} white`;
  };
  return `Histogram. Before: ${of(before)}. After: ${of(after)}.`;
}
