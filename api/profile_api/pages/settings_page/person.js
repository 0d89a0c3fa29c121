// A person whom the page acts as: what is stored, what they typed, and what is under way for them.

import { Draft } from "./draft.js";
import { lockedByPolicy } from "./locks.js";
import { Service } from "./service.js";
import { Turn } from "./turn.js";

const PATIENCE = 5; // seconds until it is said that something takes long

export class Person {
  draft = null; // until the first answer
  problem = null; // what went wrong last; `during` is "read" or "save"
  notices = {}; // why policies keep a field, for each that they keep
  loading = false;
  saving = false;
  slow = false;
  waitUntil = 0; // when the next save may be tried, in ms

  // Each answer to a read has its turn, which a later read, a save or a farewell ends. So nothing
  // that was read before a save began can come after it.
  #reading = new Turn();
  #asking = new Turn();
  #renewing = new Turn();
  #patience;

  // `identity` is one of people.js; `changed` is told whenever there is something new to show.
  constructor(identity, changed) {
    Object.assign(this, { identity, service: new Service(identity), changed });
  }

  get accountUrl() {
    return this.service.accountUrl;
  }

  get waits() {
    return Math.max(0, Math.ceil((this.waitUntil - Date.now()) / 1000));
  }

  // Brings in what is stored now, under what was typed. Where `quiet`, a failure is not told once
  // there is something to show.
  async read({ quiet = false } = {}) {
    if (this.saving) return; // whose answer is newer
    const turn = this.#reading.begin();
    this.#begin("loading");
    try {
      const profile = await this.service.me(turn);
      if (turn.aborted) return;
      this.#meet(profile);
      if (this.problem?.during === "read") this.problem = null;
    } catch (problem) {
      if (turn.aborted) return;
      if (!quiet || this.draft === null) this.#failed(problem, "read");
    }
    this.#end("loading");
  }

  // Ends what nobody waits for any more; a save goes on.
  leave() {
    this.#reading.end();
    this.#asking.end();
    this.#renewing.end();
    this.#end("loading");
  }

  // Whether all that was typed is stored now.
  async save() {
    const { draft } = this;
    if (this.saving || !draft?.isChanged || this.waits) return false;
    this.#reading.end();
    this.#end("loading");
    const sent = { ...draft.values };
    this.problem = null;
    this.#begin("saving");
    try {
      draft.saved(await this.service.update(draft.changes, draft.stored.etag), sent);
      this.#learn();
    } catch (problem) {
      if (problem.code === "precondition_failed") await this.#meetTheOther(problem);
      else this.#refused(problem);
    }
    this.#end("saving");
    return this.problem === null && !Object.keys(draft.errors).length;
  }

  // Signs in again, and goes on with what failed for want of it. It has a turn of its own: the
  // page comes to the front again, and reads, as soon as the window beside it closes.
  async renew() {
    const { during } = this.problem;
    const turn = this.#renewing.begin();
    this.#begin("loading");
    const refused = await this.service.renew(turn).catch((problem) => problem);
    if (turn.aborted) return false;
    this.#end("loading");
    if (refused?.words) {
      this.#failed(refused, during);
      this.changed();
      return false;
    }
    if (during === "save") return this.save();
    await this.read();
    return false;
  }

  edit(field, value) {
    this.draft.set(field, value);
    this.#settle();
    this.changed();
  }

  yieldTo(field) {
    this.draft.yieldTo(field);
    this.#settle();
    this.changed();
  }

  discard() {
    this.draft.discard();
    this.#settle();
    this.changed();
  }

  // Beside the picture stands what was wrong with the last file.
  pictureFailed(error) {
    if (error) this.draft.errors.avatarBase64 = error;
    else delete this.draft.errors.avatarBase64;
    this.changed();
  }

  #begin(what) {
    this[what] = true;
    this.slow = false;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      this.slow = true;
      this.changed();
    }, PATIENCE * 1000);
    this.changed();
  }

  #end(what) {
    clearTimeout(this.#patience);
    this[what] = this.slow = false;
    this.changed();
  }

  #meet(profile) {
    if (this.draft) this.draft.meet(profile);
    else this.draft = new Draft(profile);
    this.#settle();
    this.#learn();
  }

  // Two tabs: the other one saved first. Or this one did, and the answer was lost.
  async #meetTheOther(problem) {
    try {
      this.#meet(await this.service.me(this.#reading.begin()));
      if (this.draft.isChanged) this.#failed(problem, "save");
    } catch (other) {
      this.#failed(other, "save");
    }
  }

  #refused(problem) {
    for (const violation of problem.violations) this.draft.errors[violation.field] = violation;
    if (problem.code === "rate_limited") this.waitUntil = Date.now() + 1000 * problem.retryAfter;
    if (!problem.violations.length) this.#failed(problem, "save");
  }

  #failed(problem, during) {
    if (!problem.code) throw problem;
    this.problem = Object.assign(problem, { during });
  }

  // A save that failed is nobody's concern once there is nothing left to save.
  #settle() {
    if (this.problem?.during === "save" && !this.draft.isChanged) this.problem = null;
  }

  // What the policies say of the fields that they keep: only an attempt tells, and this one is made
  // so that it cannot succeed.
  async #learn() {
    const turn = this.#asking.begin();
    const { stored } = this.draft;
    for (const field of lockedByPolicy(stored)) {
      if (this.notices[field]) continue;
      const notices = await this.service.notices(differing(stored, field), turn).catch(() => null);
      if (turn.aborted) return;
      if (!notices) continue;
      this.notices[field] = notices;
      this.changed();
    }
  }
}

// An input that would change this field alone.
function differing(stored, field) {
  if (field !== "avatarBase64") return { [field]: stored[field] === "-" ? "+" : "-" };
  return { [field]: stored[field] === null ? "data:image/png;base64,iVBORw0KGgo=" : null };
}
