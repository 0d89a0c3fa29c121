// The text fields: their labels, limits, locks, errors, and what another tab saved.

import { FIELDS } from "./config.js";
import { isEditable, showLock } from "./locks.js";
import { brokenRule, codePoints } from "./names.js";
import { errorText } from "./problems.js";
import { hint, label, number, text } from "./texts.js";
import { showTheirs } from "./theirs.js";

export class NameFields {
  // `typed` is told the field and its value, `taken` the field whose other value is wanted.
  constructor({ typed, taken }) {
    this.taken = taken;
    this.rows = FIELDS.map((about) => ({ about, ...build(about, typed) }));
  }

  render(person) {
    for (const row of this.rows) this.#render(row, person);
  }

  // Brings the reader to the first field in error; false where none is.
  focusFirstError() {
    const row = this.rows.find(({ error }) => error.textContent);
    row?.input.focus();
    return row !== undefined;
  }

  #render({ about, root, input, hint: below, error, count, theirs }, person) {
    const { draft } = person;
    const { name: field, limit } = about;
    const value = draft?.values[field] ?? "";
    const editable = draft !== null && isEditable(draft.stored, field);
    const wrong = draft && problemOf(draft, field, limit, editable);
    const length = codePoints(value.normalize("NFC"));
    const other = draft?.theirs[field];
    if (input.value !== value) input.value = value;
    input.disabled = draft === null;
    input.readOnly = !editable;
    input.setAttribute("aria-invalid", String(wrong !== null));
    root.classList.toggle("locked", draft !== null && !editable);
    showLock(below, person, field, hint(about));
    const sentence = wrong ? errorText(wrong) : "";
    if (error.textContent !== sentence) error.textContent = sentence;
    const counted = text("count", { count: number(length), limit: number(limit) });
    count.textContent = length > limit * 0.8 ? counted : "";
    count.classList.toggle("over", length > limit);
    const key = other === undefined ? null : other === null ? "theirs.cleared" : "theirs.name";
    showTheirs(theirs, key, { value: other ?? "" }, () => this.taken(field));
  }
}

// What the rules say of a name as it is now, else what the service said of it.
function problemOf(draft, field, limit, editable) {
  const code = editable ? brokenRule(draft.values[field], limit) : null;
  return code ? { code, max: number(limit) } : (draft.errors[field] ?? null);
}

function build(about, typed) {
  const { name: field } = about;
  const root = document.getElementById("field").content.cloneNode(true).firstElementChild;
  const part = (selector) => root.querySelector(selector);
  const input = part("input");
  const row = { root, input, hint: part(".hint"), error: part(".error") };
  Object.assign(row, { count: part(".count"), theirs: part(".theirs") });
  part("label").textContent = label(field);
  part("label").htmlFor = input.id = input.name = field;
  row.hint.id = `${field}-hint`;
  row.error.id = `${field}-error`;
  input.setAttribute("aria-describedby", `${row.hint.id} ${row.error.id}`);
  input.addEventListener("input", () => typed(field, input.value));
  document.getElementById("fields").append(root);
  return row;
}
