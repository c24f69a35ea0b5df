// XMP packets, edited as text as midtone/photo/xmp.py edits them: what a correction makes stale is
// reset or removed. Names are found by their namespaces, whatever their prefixes.

const TIFF = "http://ns.adobe.com/tiff/1.0/", XMP = "http://ns.adobe.com/xap/1.0/";
const ANY_NAME = "[\\w.-]+";
// Parts of a file besides the picture: [namespace, names, what it is]
const PARTS = [
  ["http://ns.adobe.com/hdr-gain-map/1.0/", [ANY_NAME], "gain map"],
  ["http://ns.apple.com/HDRGainMap/1.0/", [ANY_NAME], "gain map"],
  ["http://ns.google.com/photos/1.0/container/", ["Directory", "Version"], "container"],
  ["http://ns.google.com/photos/dd/1.0/device/", ["Container"], "container"],
  ["http://ns.google.com/photos/1.0/camera/", ["MotionPhoto\\w*", "MicroVideo\\w*"], "motion photo"],
];

// { packet, orientation, parts } of a packet's bytes: the packet with tiff:Orientation 1, without
// previews and without tags that point to other parts of the file; the names of those parts.
export function normalize(bytes) {
  let packet = latin1(bytes);
  const orientation = find(packet);
  for (const pattern of properties(packet, TIFF, "Orientation"))
    packet = packet.replace(pattern, (match) => match.replace(/(["'>]\s*)\d+(\s*["'<])/, "$11$2"));
  packet = without(packet, XMP, "Thumbnails");
  const parts = [];
  for (const [namespace, names, what] of PARTS) {
    const shorter = names.reduce((text, name) => without(text, namespace, name), packet);
    if (shorter !== packet) parts.push(what);
    packet = shorter;
  }
  return { packet: Uint8Array.from(packet, (letter) => letter.charCodeAt(0)), orientation, parts };
}

function find(packet) {
  for (const pattern of properties(packet, TIFF, "Orientation")) {
    const found = /["'>]\s*(\d{1,3})\s*["'<]/.exec(pattern.exec(packet)?.[0] ?? "");
    if (found) return Number(found[1]);
  }
  return null;
}

const without = (packet, namespace, name) =>
  properties(packet, namespace, name).reduce((text, pattern) => text.replace(pattern, ""), packet);

// Patterns of a property as an element and as an attribute, for each of its prefixes.
function properties(packet, namespace, name) {
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  const declared = new RegExp(`xmlns:(${ANY_NAME})\\s*=\\s*["']${escaped(namespace)}`, "g");
  const prefixes = new Set(Array.from(packet.matchAll(declared), (match) => escaped(match[1])));
  return Array.from(prefixes).flatMap((prefix) => [
    new RegExp(`<(${prefix}:${name})\\b[^<>]*(?:/>|>[^]*?</\\1\\s*>)`, "g"),
    new RegExp(`\\s${prefix}:${name}\\s*=\\s*(?:"[^"]*"|'[^']*')`, "g"),
  ]);
}

function latin1(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
