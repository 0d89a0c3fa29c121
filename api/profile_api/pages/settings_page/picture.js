// The picture: chosen, cropped, previewed, removed.

import { config } from "./config.js";
import { crop } from "./crop.js";
import { kindOf } from "./file_kind.js";
import { acceptFiles } from "./intake.js";
import { isEditable, showLock } from "./locks.js";
import { errorText } from "./problems.js";
import { shrunk } from "./shrink.js";
import { text } from "./texts.js";
import { showTheirs } from "./theirs.js";
import { orAborted, Turn, within } from "./turn.js";

const FIELD = "avatarBase64";
const OPENING_SECONDS = 30;
const TOUCH = matchMedia("(hover: none) and (pointer: coarse)");
const element = (id) => document.getElementById(id);

export class Picture {
  #turn = new Turn(); // of the file at work: a later one, another person or a discard ends it
  #editable = false;

  // `changed` is told the picture to save, `failed` what is wrong with a file (null: nothing any
  // more), `taken` that the other tab's picture is wanted.
  constructor({ changed, failed, taken }) {
    Object.assign(this, { changed, failed, taken });
    this.image = element("picture").querySelector("img");
    this.initials = element("picture").querySelector(".initials");
    element("remove").addEventListener("click", () => {
      this.forget();
      this.changed(null);
      element("choose").focus();
    });
    acceptFiles((file) => this.#take(file), () => this.#editable);
    showHints();
    TOUCH.addEventListener("change", showHints);
  }

  render(person) {
    const { draft } = person;
    const value = draft?.values[FIELD] ?? null;
    this.#editable = draft !== null && isEditable(draft.stored, FIELD);
    this.image.hidden = value === null;
    this.initials.hidden = value !== null;
    if (value === null) this.image.removeAttribute("src");
    else if (this.image.getAttribute("src") !== value) this.image.src = value;
    this.initials.textContent = draft ? initials(draft.name) : "";
    element("choose").disabled = !this.#editable;
    element("choose").textContent = text(value === null ? "picture.choose" : "picture.replace");
    element("remove").hidden = value === null || !this.#editable;
    showLock(element(`${FIELD}-hint`), person, FIELD, hint());
    const error = draft?.errors[FIELD];
    const sentence = error ? errorText(error) : "";
    if (element(`${FIELD}-error`).textContent !== sentence)
      element(`${FIELD}-error`).textContent = sentence;
    const theirs = draft?.theirs[FIELD];
    const key = theirs ? "theirs.picture" : "theirs.picture-removed";
    showTheirs(element(`${FIELD}-theirs`), theirs === undefined ? null : key, {}, this.taken);
  }

  // The file at work is wanted no more.
  forget() {
    this.#turn.end();
    this.#busy(false);
  }

  async #take(file) {
    const turn = this.#turn.begin();
    this.failed(null);
    this.#busy(true);
    try {
      const picture = await opened(file, turn);
      this.#busy(false);
      const uri = await prepared(picture, turn);
      if (turn.aborted) return;
      if (uri) this.changed(uri);
    } catch (error) {
      if (turn.aborted) return;
      const kind = error.name === "TimeoutError" ? "slow" : await kindOf(file);
      if (turn.aborted) return;
      this.failed({ kind });
    }
    this.#busy(false);
    element("choose").focus();
  }

  #busy(on) {
    element("picture").classList.toggle("opening", on);
    element("opening").textContent = on ? text("picture.opening") : "";
  }
}

const hint = () => text(TOUCH.matches ? "picture.hint-touch" : "picture.hint");

function showHints() {
  element("crop-hint").textContent = text(TOUCH.matches ? "crop.hint-touch" : "crop.hint");
}

// What of a picture is to be saved, or null.
async function prepared(picture, turn) {
  try {
    const cut = await crop(picture, turn);
    return cut && (await shrunk(picture, cut, config.limits));
  } finally {
    picture.close();
  }
}

function opened(file, turn) {
  return within(OPENING_SECONDS, turn, (signal) =>
    orAborted(createImageBitmap(file), signal, (late) => late.close()),
  );
}

function initials(name) {
  const words = name.split(/[\s@]+/u).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen.map((word) => [...word][0].toUpperCase()).join("");
}
