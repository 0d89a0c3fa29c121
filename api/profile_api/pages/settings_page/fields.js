// The text fields: their labels, limits, locks, errors, and what another tab saved.

import { FIELDS } from "./config.js";
import { brokenRule, codePoints } from "./names.js";
import { showTheirs } from "./theirs.js";

const ABOUT = Object.fromEntries(FIELDS.map((about) => [about.name, about]));

// `field` as GraphQL's ProfileField spells it.
const enumName = (field) => field.replace(/[A-Z]/g, "_$&").toUpperCase();

export const isEditable = (profile, field) => profile.editableFields.includes(enumName(field));

// Why a field is locked: the provider manages some, a policy whatever else.
export function lockReason(profile, field) {
  if (isEditable(profile, field)) return null;
  const managed = profile.authProvider !== "LOCAL" && ABOUT[field]?.managed;
  return managed
    ? "Managed by your identity provider."
    : "A policy of your organisation keeps this as it is.";
}

export class NameFields {
  constructor(messages, { typed, taken }) {
    Object.assign(this, { messages, taken });
    this.rows = Object.fromEntries(FIELDS.map((about) => [about.name, build(about, typed)]));
  }

  // What the rules say of each name as it is now.
  violations(draft) {
    const found = Object.keys(this.rows)
      .filter((field) => isEditable(draft.stored, field))
      .map((field) => [field, brokenRule(draft.values[field], ABOUT[field].limit)])
      .filter(([, code]) => code !== null)
      .map(([field, code]) => [field, this.messages[code].replace("{max}", ABOUT[field].limit)]);
    return Object.fromEntries(found);
  }

  render(draft) {
    const violations = this.violations(draft);
    for (const [field, row] of Object.entries(this.rows)) {
      const value = draft.values[field];
      const { limit, hint } = ABOUT[field];
      const reason = lockReason(draft.stored, field);
      const error = violations[field] ?? draft.errors[field] ?? "";
      const count = codePoints(value.normalize("NFC"));
      const { [field]: theirs } = draft.theirs;
      if (row.input.value !== value) row.input.value = value;
      row.input.readOnly = reason !== null;
      row.input.setAttribute("aria-invalid", String(error !== ""));
      row.root.classList.toggle("locked", reason !== null);
      row.hint.textContent = reason ?? hint;
      if (row.error.textContent !== error) row.error.textContent = error;
      row.count.textContent = count > limit * 0.8 ? `${count} / ${limit}` : "";
      row.count.classList.toggle("over", count > limit);
      showTheirs(
        row.theirs,
        theirs === undefined ? null : `Meanwhile saved elsewhere: ${theirs ?? "nothing"}`,
        () => this.taken(field),
      );
    }
  }

  // Brings the reader to the first field in error; false where none is.
  focusFirstError() {
    const row = Object.values(this.rows).find(({ error }) => error.textContent);
    row?.input.focus();
    return row !== undefined;
  }
}

function build({ name: field, label }, typed) {
  const root = document.getElementById("field").content.cloneNode(true).firstElementChild;
  const part = (selector) => root.querySelector(selector);
  const input = part("input");
  const row = { root, input, hint: part(".hint"), error: part(".error") };
  Object.assign(row, { count: part(".count"), theirs: part(".theirs") });
  part("label").textContent = label;
  part("label").htmlFor = input.id = input.name = field;
  row.hint.id = `${field}-hint`;
  row.error.id = `${field}-error`;
  input.setAttribute("aria-describedby", `${row.hint.id} ${row.error.id}`);
  input.addEventListener("input", () => typed(field, input.value));
  document.getElementById("fields").append(root);
  return row;
}
