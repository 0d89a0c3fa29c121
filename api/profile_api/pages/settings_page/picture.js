// The picture: chosen, dropped or pasted, cropped, previewed, removed.

import { crop } from "./crop.js";
import { lockReason } from "./fields.js";
import { shrunk } from "./shrink.js";
import { showTheirs } from "./theirs.js";

const FIELD = "avatarBase64";
const element = (id) => document.getElementById(id);

export class Picture {
  constructor(limits, messages, { changed, failed, taken }) {
    Object.assign(this, { limits, messages, changed, failed, taken, locked: true });
    this.image = element("picture").querySelector("img");
    this.initials = element("picture").querySelector(".initials");
    element("choose").addEventListener("click", () => element("file").click());
    element("file").addEventListener("change", ({ target }) => {
      this.#take(target.files);
      target.value = ""; // so that the same file can be chosen again
    });
    element("remove").addEventListener("click", () => {
      this.changed(null);
      element("choose").focus();
    });
    document.addEventListener("paste", ({ clipboardData }) => {
      // A cell of a table comes as text and as a picture of it: the text is meant.
      if (!clipboardData.types.includes("text/plain")) this.#take(clipboardData.files);
    });
    this.#acceptDrops();
  }

  render(draft) {
    const { [FIELD]: value } = draft.values;
    const reason = lockReason(draft.stored, FIELD);
    this.locked = reason !== null;
    this.image.hidden = value === null;
    this.initials.hidden = value !== null;
    if (value === null) this.image.removeAttribute("src");
    else if (this.image.getAttribute("src") !== value) this.image.src = value;
    this.initials.textContent = initials(draft.name);
    element("choose").disabled = this.locked;
    element("choose").textContent = value === null ? "Choose a picture" : "Replace";
    element("remove").hidden = value === null || this.locked;
    element(`${FIELD}-hint`).textContent = reason ?? "Or drop one anywhere, or paste it.";
    const error = draft.errors[FIELD] ?? "";
    if (element(`${FIELD}-error`).textContent !== error)
      element(`${FIELD}-error`).textContent = error;
    const { [FIELD]: theirs } = draft.theirs;
    const told = theirs ? "Meanwhile another picture was saved." : "Meanwhile it was removed.";
    showTheirs(element(`${FIELD}-theirs`), theirs === undefined ? null : told, this.taken);
  }

  async #take(files) {
    const file = files?.[0];
    if (!file || this.locked || element("crop").open) return;
    try {
      const bitmap = await createImageBitmap(file);
      const square = await crop(bitmap);
      if (square) this.changed(await shrunk(bitmap, square, this.limits));
      bitmap.close();
      element("choose").focus();
    } catch {
      this.failed(this.messages.avatar_unsupported_type);
    }
  }

  #acceptDrops() {
    const hover = (on) => element("picture").classList.toggle("hovered", on && !this.locked);
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      hover(true);
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget ?? hover(false));
    document.addEventListener("drop", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      hover(false);
      this.#take(event.dataTransfer.files);
    });
  }
}

function initials(name) {
  const words = name.split(/[\s@]+/u).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen.map((word) => [...word][0].toUpperCase()).join("");
}
