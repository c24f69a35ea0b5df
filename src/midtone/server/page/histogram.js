// Histograms of luma before (filled) and after (line), square roots of the counts.

export function counts({ data }) {
  const found = new Float32Array(64);
  for (let at = 0; at < data.length; at += 4)
    found[(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) >> 2]++;
  return found;
}

export function draw(canvas, before, after) {
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const { width, height } = canvas;
  const top = Math.sqrt(Math.max(...before.slice(1, -1), ...after.slice(1, -1), 1)) * 1.1;
  const trace = (found) => {
    pen.beginPath();
    pen.moveTo(0, height);
    found.forEach((count, k) => {
      const y = height * (1 - Math.min(1, Math.sqrt(count) / top));
      pen.lineTo((k * width) / found.length, y);
      pen.lineTo(((k + 1) * width) / found.length, y);
    });
    pen.lineTo(width, height);
  };
  pen.clearRect(0, 0, width, height);
  trace(before);
  pen.globalAlpha = 0.45;
  pen.fillStyle = style.getPropertyValue("--soft");
  pen.fill();
  pen.globalAlpha = 1;
  trace(after);
  pen.strokeStyle = style.getPropertyValue("--accent");
  pen.lineWidth = 4;
  pen.stroke();
}

export function describe(before, after) {
  const of = (found) => {
    const all = found.reduce((sum, count) => sum + count, 0);
    const share = (count) => `${Math.round((100 * count) / all)} %`;
    return `${share(found[0])} black, ${share(found[63])} white`;
  };
  return `Histogram. Before: ${of(before)}. After: ${of(after)}.`;
}
