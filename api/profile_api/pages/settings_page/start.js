// Wires the page: who acts, what they see, what they change, and what becomes of it.

import { config } from "./config.js";
import { offerDownload } from "./download.js";
import { NameFields } from "./fields.js";
import { showHistory } from "./history.js";
import { linkTo } from "./locks.js";
import { showProblem } from "./notice.js";
import { peopleOf } from "./people.js";
import { Person } from "./person.js";
import { Picture } from "./picture.js";
import { duration, fill, known, text, translate } from "./texts.js";
import { announce } from "./toast.js";

translate();

const element = (id) => document.getElementById(id);
const form = element("form");

// We act as each in turn, and nobody's typing is lost by a switch.
const identities = await peopleOf(config);
const people = identities.map((identity) => {
  const person = new Person(identity, () => person === chosen && render());
  return person;
});
let chosen;

const fields = new NameFields({
  typed: (field, value) => chosen.edit(field, value),
  taken: (field) => giveWay(field, field),
});
const picture = new Picture({
  changed: (value) => chosen.edit("avatarBase64", value),
  failed: (error) => chosen.pictureFailed(error),
  taken: () => giveWay("avatarBase64", "choose"),
});

function giveWay(field, next) {
  chosen.yieldTo(field);
  element(next).focus();
}

function render() {
  const { draft, saving, loading } = chosen;
  form.classList.toggle("loading", draft === null && loading);
  form.classList.toggle("changed", draft?.isChanged ?? false);
  form.setAttribute("aria-busy", String(saving || loading));
  fields.render(chosen);
  picture.render(chosen);
  showWho(chosen);
  showBar(chosen);
  showProblem(chosen, act);
  showHistory(chosen);
  offerDownload(chosen);
}

function showWho({ draft, accountUrl }) {
  element("name").textContent = draft?.name ?? text("profile.title");
  element("email").textContent = draft?.stored.email ?? "";
  const hint = element("email-hint");
  hint.hidden = draft === null;
  const managed = draft && draft.stored.authProvider !== "LOCAL";
  const reason = text(managed ? "profile.email-managed" : "profile.email-locked");
  hint.replaceChildren(accountUrl ? linkTo(accountUrl) : reason);
  const way = draft?.stored.authProvider;
  element("provider").hidden = !known(`way.${way}`);
  if (known(`way.${way}`)) fill(element("provider"), "profile.signs-in", { way: text(`way.${way}`) });
}

function showBar({ draft, saving, loading, slow, waits }) {
  const changed = draft?.isChanged ?? false;
  const state = stateOf(draft, { saving, loading, slow, changed, waits });
  element("pending").textContent = text(state, { wait: duration(waits) });
  element("discard").hidden = !changed;
  element("discard").disabled = saving;
  element("save").disabled = draft === null;
  element("save").setAttribute("aria-disabled", String(saving || waits > 0));
  element("save").textContent = text(saving ? "save.saving" : "save.changes");
}

function stateOf(draft, { saving, loading, slow, changed, waits }) {
  if (slow && (saving || draft === null)) return "save.slow";
  if (draft === null) return loading ? "save.loading" : "save.nothing-loaded";
  if (!changed) return "save.all-saved";
  return waits ? "save.wait" : "save.pending";
}

// What a person does about a problem.
async function act(does) {
  element("name").focus({ preventScroll: true }); // the button goes with the problem
  if (does === "save") return save();
  if (does === "read") return chosen.read();
  return told(chosen, await chosen.renew());
}

async function save() {
  const person = chosen;
  if (person.saving || person.draft === null) return;
  if (person.waits) return announce(text("save.wait", { wait: duration(person.waits) }));
  if (fields.focusFirstError()) return;
  if (!person.draft.isChanged) return announce(text("save.nothing"));
  told(person, await person.save());
}

// Tells that a save went well, or brings the reader to the first field that did not.
function told(person, saved) {
  if (person !== chosen) return;
  if (saved) announce(text("save.saved"));
  else if (Object.keys(person.draft?.errors ?? {}).length && !fields.focusFirstError())
    element("choose").focus();
}

function actAs(index) {
  picture.forget();
  chosen?.leave();
  chosen = people[index];
  element("person").value = index;
  history.replaceState(null, "", `#${index + 1}`);
  render();
  chosen.read();
}

const asked = () => people[Number(location.hash.slice(1)) - 1];

form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
element("discard").addEventListener("click", () => {
  picture.forget();
  chosen.discard();
  announce(text("save.discarded"));
  element("displayName").focus();
});
element("person").append(...identities.map(({ label }, index) => new Option(label, index)));
element("person").addEventListener("change", ({ target }) => actAs(Number(target.value)));
// The address says who acts, so that following this link must not change it.
element("skip").addEventListener("click", (event) => {
  event.preventDefault();
  element("main").focus();
});
window.addEventListener("hashchange", () => asked() && asked() !== chosen && actAs(people.indexOf(asked())));
// Another tab may have saved meanwhile.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") chosen.read({ quiet: true });
});
window.addEventListener("focus", () => chosen.read({ quiet: true }));
window.addEventListener("online", () => chosen.read({ quiet: true }));
window.addEventListener("beforeunload", (event) => {
  if (people.some(({ draft }) => draft?.isChanged)) event.preventDefault();
});

actAs(Math.max(0, people.indexOf(asked())));
