// Wires the page: who acts, what they see, what they change, and what becomes of it.

import { peopleOf } from "./account.js";
import { config } from "./config.js";
import { Draft } from "./draft.js";
import { NameFields } from "./fields.js";
import { hideHistory, showHistory } from "./history.js";
import { announce, clearNotice, tell } from "./notice.js";
import { Picture } from "./picture.js";
import { Service } from "./service.js";

const PROVIDERS = { LOCAL: "a password", OIDC: "OpenID Connect", SAML: "SAML" };
const ADVICE = {
  unauthenticated: "Reload the page for a new token.",
  unreachable: "What you typed is still here; try again in a moment.",
};

const { endpoint, limits, messages } = config;
const people = await peopleOf(config);
const element = (id) => document.getElementById(id);
const form = element("form");

const services = people.map((person) => new Service(endpoint, person));
const drafts = new Map(); // of each person whom we acted as: nobody's typing is lost by a switch
let chosen = 0;
let saving = false;

const draft = () => drafts.get(chosen);
const fields = new NameFields(messages, { typed: change, taken: giveWay });
const picture = new Picture(limits, messages, {
  changed: (value) => change("avatarBase64", value),
  failed: (message) => {
    draft().errors.avatarBase64 = message;
    render();
  },
  taken: () => giveWay("avatarBase64"),
});

function change(field, value) {
  draft().set(field, value);
  render();
}

function giveWay(field) {
  draft().yieldTo(field);
  render();
  element(field === "avatarBase64" ? "choose" : field).focus();
}

function render() {
  const current = draft();
  form.hidden = current === undefined;
  if (current === undefined) return;
  fields.render(current);
  picture.render(current);
  element("name").textContent = current.name;
  element("email").textContent = current.stored.email;
  element("provider").textContent = `Signs in with ${PROVIDERS[current.stored.authProvider]}`;
  form.classList.toggle("changed", current.isChanged);
  element("pending").textContent = current.isChanged ? "Not saved yet" : "Everything is saved";
  element("discard").hidden = !current.isChanged;
  form.setAttribute("aria-busy", String(saving));
}

function tellProblem({ code, message, notices, action }) {
  const sentences = [...notices, ...(ADVICE[code] ? [ADVICE[code]] : [])];
  const run = () => action.run((problem, news) => (problem ? tellProblem(problem) : welcome(news)));
  tell(message, sentences, { alarming: true, action: action && { ...action, run } });
}

// Signed in again, with all that was typed; what was not even read before is read now.
function welcome(news) {
  clearNotice();
  announce(news);
  if (!draft()) actAs(chosen);
}

async function actAs(index) {
  chosen = index;
  element("person").value = index;
  history.replaceState(null, "", `#${index + 1}`);
  clearNotice();
  hideHistory();
  render();
  try {
    const profile = await services[index].me();
    if (draftOf(index, profile) && index === chosen) render();
    if (index === chosen) showHistory(services[index]);
  } catch (problem) {
    if (index === chosen) tellProblem(problem);
  }
}

// What is stored now, under what was typed before.
function draftOf(index, profile) {
  const known = drafts.get(index);
  if (known) known.meet(profile);
  else drafts.set(index, new Draft(profile));
  return drafts.get(index);
}

async function save() {
  const [index, current] = [chosen, draft()];
  if (saving || fields.focusFirstError()) return;
  if (!current.isChanged) return announce("There is nothing to save");
  const sent = { ...current.values };
  saving = true;
  clearNotice();
  render();
  try {
    current.saved(await services[index].update(current.changes, current.stored.etag), sent);
    announce("Saved");
    if (index === chosen) showHistory(services[index]);
  } catch (problem) {
    await refused(problem, index, current);
  } finally {
    saving = false;
    render();
  }
  if (index !== chosen) return;
  if (Object.keys(current.errors).length && !fields.focusFirstError()) element("choose").focus();
}

async function refused(problem, index, current) {
  if (problem.code === "precondition_failed") return meetTheOther(index, current);
  for (const { field, message } of problem.violations) current.errors[field] = message;
  if (!problem.violations.length && index === chosen) tellProblem(problem);
}

// Two tabs: the other one saved first.
async function meetTheOther(index, current) {
  try {
    current.meet(await services[index].me());
    if (index !== chosen) return;
    tell("Your profile was changed elsewhere meanwhile", [
      "Nothing that you typed is lost. Look at it once more, then save again.",
    ]);
  } catch (problem) {
    if (index === chosen) tellProblem(problem);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
element("discard").addEventListener("click", () => {
  draft().discard();
  clearNotice();
  render();
  announce("Discarded");
  element("displayName").focus();
});
element("person").append(...people.map(({ label }, index) => new Option(label, index)));
element("person").addEventListener("change", ({ target }) => actAs(Number(target.value)));
window.addEventListener("beforeunload", (event) => {
  if ([...drafts.values()].some(({ isChanged }) => isChanged)) event.preventDefault();
});

const asked = Number(location.hash.slice(1)) - 1;
actAs(people[asked] ? asked : 0);
