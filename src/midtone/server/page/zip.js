// A ZIP archive of files that are compressed already: stored, not deflated (PKWARE APPNOTE 4.3).

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const UTF8 = 0x0800, LARGEST = 0xffffffff;

export function crc32(data) {
  let crc = -1;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

// files: [{ name, data: Blob }]; two of one name get numbers
export async function zip(files, now = new Date()) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const parts = [], directory = [], taken = new Set();
  let offset = 0;
  for (const { name, data } of files) {
    const bytes = new TextEncoder().encode(unique(name, taken));
    const crc = crc32(new Uint8Array(await data.arrayBuffer()));
    const common = [[20, 2], [UTF8, 2], [0, 2], [time, 2], [date, 2], [crc, 4], [data.size, 4], [data.size, 4], [bytes.length, 2], [0, 2]];
    directory.push(record([[0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), bytes);
    parts.push(record([[0x04034b50, 4], ...common]), bytes, data);
    offset += 30 + bytes.length + data.size;
    if (offset > LARGEST) throw new Error("more than 4 GB; download the photographs in parts");
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = record([[0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

function unique(name, taken) {
  const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/s.exec(name);
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${stem}-${number}${suffix ?? ""}`;
  taken.add(free);
  return free;
}

function record(fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += size;
  }
  return bytes;
}
