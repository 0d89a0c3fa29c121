// What a file is that this browser cannot open as a picture, by its first bytes.

const HEIF = /^(hei[cfmsx]|hev[cmsx]|mif1|msf1)/;
const PICTURES = [/^\x89PNG/, /^\xff\xd8\xff/, /^GIF8/, /^RIFF....WEBP/s, /^....ftypavi[fs]/s];
const TIFF = /^(II\*\0|MM\0\*)/;

// The end of a key `file.…` of the texts.
export async function kindOf(file) {
  if (file.size === 0) return "empty";
  let head;
  try {
    const bytes = new Uint8Array(await file.slice(0, 1024).arrayBuffer());
    head = String.fromCharCode(...bytes);
  } catch {
    return "unreadable";
  }
  if (PICTURES.some((start) => start.test(head))) return "damaged";
  if (head.slice(4, 8) === "ftyp") return HEIF.test(head.slice(8)) ? "heic" : "video";
  if (/^\x1a\x45\xdf\xa3/.test(head)) return "video";
  if (/^%PDF/.test(head)) return "pdf";
  if (TIFF.test(head)) return "tiff";
  if (/<svg[\s>]/i.test(head)) return "svg";
  return /[\0-\x08\x0e-\x1a]/.test(head) ? "other" : "text";
}
