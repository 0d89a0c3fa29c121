// What a person has typed and not saved yet, held against what is stored.

import { FIELDS } from "./config.js";
import { cleaned } from "./names.js";

const EDITED = [...FIELDS.map(({ name }) => name), "avatarBase64"];

export class Draft {
  constructor(profile) {
    this.stored = profile;
    this.discard();
  }

  // Starts over from what is stored.
  discard() {
    this.values = Object.fromEntries(EDITED.map((field) => [field, this.#unchanged(field)]));
    this.theirs = {};
    this.errors = {}; // of each field with one: its code, and the numbers of its rule
  }

  // `sent` are the values as they were saved; what was typed since is newer, and stays.
  saved(profile, sent) {
    const typed = this.values;
    this.stored = profile;
    this.discard();
    for (const field of EDITED)
      if (typed[field] !== sent[field]) this.values[field] = typed[field];
  }

  set(field, value) {
    this.values[field] = value;
    delete this.errors[field];
  }

  // As the mutation's input takes it: only what differs.
  get changes() {
    const changed = EDITED.filter((field) => this.#differs(field));
    return Object.fromEntries(changed.map((field) => [field, this.values[field]]));
  }

  get isChanged() {
    return EDITED.some((field) => this.#differs(field));
  }

  // Another tab saved first: what was typed stays, and theirs is kept to choose from.
  meet(latest) {
    const [mine, before] = [this.changes, this.stored];
    this.stored = latest;
    for (const field of EDITED) {
      if (!this.#differs(field) || !(field in mine)) {
        this.values[field] = this.#unchanged(field);
        delete this.theirs[field];
      } else if (latest[field] !== before[field]) this.theirs[field] = latest[field];
    }
  }

  // Gives way to what the other tab saved.
  yieldTo(field) {
    this.set(field, this.#unchanged(field));
    delete this.theirs[field];
  }

  // What to call the person: display name, else first and last name, else email.
  get name() {
    const { firstName, lastName, displayName } = this.values;
    const [first, last, display] = [firstName, lastName, displayName].map(cleaned);
    return display ?? ([first, last].filter(Boolean).join(" ") || this.stored.email);
  }

  #unchanged(field) {
    return this.stored[field] ?? (field === "avatarBase64" ? null : "");
  }

  // A name as it would be stored.
  #differs(field) {
    const value = this.values[field];
    const after = field === "avatarBase64" ? value : cleaned(value);
    return after !== (this.stored[field] ?? null);
  }
}
