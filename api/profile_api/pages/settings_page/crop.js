// The dialog in which a person chooses the square of a picture to use.

import { followPointers } from "./gestures.js";
import { Square } from "./square.js";
import { percent } from "./texts.js";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ZOOMS = { "+": 1.1, "-": 1 / 1.1 };

const dialog = document.getElementById("crop");
const stage = dialog.querySelector(".stage");
const canvas = dialog.querySelector("canvas");
const slider = document.getElementById("zoom");
const context = canvas.getContext("2d");

let open = null; // the picture shown with its square, and what is to be told in the end

function draw() {
  const { picture, square } = open;
  const { x, y, side } = square.cut;
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, x, y, side, side, 0, 0, canvas.width, canvas.height);
  slider.value = square.zoom;
  slider.setAttribute("aria-valuetext", percent(square.zoom));
}

function change(how) {
  if (open === null) return;
  how(open.square);
  draw();
}

function end(chosen) {
  const ended = open;
  open = null;
  if (dialog.open) dialog.close();
  ended?.resolve(chosen);
}

followPointers(stage, {
  moved: (across, down) => change((square) => square.move(-across, -down)),
  zoomed: (factor, at) => change((square) => square.zoomTo(square.zoom * factor, at)),
});
stage.addEventListener("keydown", (event) => {
  if (event.key in KEYS) {
    const [across, down] = KEYS[event.key];
    change((square) => square.move(across / 20, down / 20));
  } else if (event.key in ZOOMS) change((square) => square.zoomTo(square.zoom * ZOOMS[event.key]));
  else return;
  event.preventDefault();
});
slider.addEventListener("input", () => change((square) => square.zoomTo(Number(slider.value))));
document.getElementById("crop-cancel").addEventListener("click", () => end(null));
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  end(open?.square.cut ?? null);
});
// By a key or a gesture of the system; of a dialog that is open again another one was closed.
dialog.addEventListener("close", () => dialog.open || end(null));

// The square chosen of this picture, or null if the person changed their mind or the turn ended.
export function crop(picture, turn) {
  return new Promise((resolve) => {
    const mine = { picture, square: new Square(picture), resolve };
    turn.addEventListener("abort", () => open === mine && end(null), { once: true });
    end(null);
    if (turn.aborted) return resolve(null);
    open = mine;
    draw();
    return dialog.showModal();
  });
}
