// The dialog in which a person chooses the square of a picture to use.

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const dialog = document.getElementById("crop");
const stage = dialog.querySelector(".stage");
const canvas = dialog.querySelector("canvas");
const zoom = document.getElementById("zoom");
const context = canvas.getContext("2d");

let picture = null;
let centre = { x: 0, y: 0 };

const within = (value, low, high) => Math.min(Math.max(value, low), high);

// The chosen square, in the picture's pixels; it never leaves the picture.
function square() {
  const side = Math.min(picture.width, picture.height) / Number(zoom.value);
  const half = side / 2;
  centre = {
    x: within(centre.x, half, picture.width - half),
    y: within(centre.y, half, picture.height - half),
  };
  return { x: centre.x - half, y: centre.y - half, side };
}

function draw() {
  const { x, y, side } = square();
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, x, y, side, side, 0, 0, canvas.width, canvas.height);
}

// By a part of the square's side.
function move(across, down) {
  const { side } = square();
  centre.x += across * side;
  centre.y += down * side;
  draw();
}

stage.addEventListener("pointerdown", (event) => stage.setPointerCapture(event.pointerId));
stage.addEventListener("pointermove", (event) => {
  if (!stage.hasPointerCapture(event.pointerId)) return;
  const { clientWidth: width } = stage;
  move(-event.movementX / width, -event.movementY / width);
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom.value = Number(zoom.value) * Math.exp(-event.deltaY / 500);
  draw();
});
stage.addEventListener("keydown", (event) => {
  if (!(event.key in KEYS)) return;
  event.preventDefault();
  const [across, down] = KEYS[event.key];
  move(across / 20, down / 20);
});
zoom.addEventListener("input", draw);
document.getElementById("crop-cancel").addEventListener("click", () => dialog.close(""));

// The square chosen, or null if the person changed their mind.
export function crop(bitmap) {
  picture = bitmap;
  centre = { x: bitmap.width / 2, y: bitmap.height / 2 };
  zoom.value = 1;
  draw();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => resolve(dialog.returnValue === "use" ? square() : null);
    dialog.addEventListener("close", closed, { once: true });
  });
}
