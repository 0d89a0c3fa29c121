// A square of a picture, small enough to send, as a data URI.

// Safari writes no WebP from a canvas; what it gives instead is passed over.
const CODINGS = [
  ["image/webp", 0.9],
  ["image/webp", 0.7],
  ["image/jpeg", 0.85],
  ["image/jpeg", 0.6],
];

// `from` is the square to take, in the picture's pixels. At most `limits.side` pixels a side
// and `limits.bytes` bytes.
export async function shrunk(picture, from, limits) {
  const wanted = Math.max(1, Math.min(limits.side, Math.round(from.side)));
  for (let side = wanted; side >= 1; side = Math.floor(side / 2)) {
    for (const [type, quality] of CODINGS) {
      const blob = await encoded(picture, from, side, type, quality);
      if (blob?.type === type && blob.size <= limits.bytes) return dataUri(blob);
    }
  }
  throw new Error("this browser writes no picture");
}

function encoded(picture, from, side, type, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  if (type === "image/jpeg") {
    context.fillStyle = "white"; // JPEG knows no transparency, and would make it black
    context.fillRect(0, 0, side, side);
  }
  context.drawImage(picture, from.x, from.y, from.side, from.side, 0, 0, side, side);
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}

function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
