// The trail of a person's changes, newest first; absent where the service keeps none.

import { date, fill, known, label, text } from "./texts.js";
import { Turn } from "./turn.js";

const section = document.getElementById("history");
const list = section.querySelector("ol");
const failed = section.querySelector(".error");
const [retry, more] = section.querySelectorAll("button");

const turn = new Turn();
let shows = {}; // whose trail, up to which version
let adding = false;

// The trail of this person up to what is stored; asked for only if that is not shown already.
export function showHistory({ service, draft }) {
  const etag = draft?.stored.etag;
  if (service === shows.service && etag === shows.etag) return;
  if (service !== shows.service) {
    section.hidden = true;
    list.replaceChildren();
  }
  shows = { service, etag };
  turn.end();
  if (etag) load();
}

async function load() {
  const mine = turn.begin();
  adding = false;
  try {
    const page = await shows.service.changes(null, mine);
    if (mine.aborted) return;
    list.replaceChildren();
    section.hidden = !page?.edges.length;
    failed.hidden = retry.hidden = true;
    if (page) add(page);
  } catch {
    if (mine.aborted) return;
    section.hidden = failed.hidden = retry.hidden = false;
    more.hidden = true;
  }
}

function add({ edges, pageInfo }) {
  list.append(...edges.map(({ node }) => entry(node)));
  more.hidden = !pageInfo.hasNextPage;
  more.onclick = () => loadEarlier(pageInfo.endCursor);
}

async function loadEarlier(cursor) {
  if (adding) return;
  const mine = turn.begin();
  const last = list.lastElementChild;
  busy(true);
  try {
    const page = await shows.service.changes(cursor, mine);
    if (mine.aborted) return;
    failed.hidden = true;
    add(page);
    if (more.hidden) focus(last.nextElementSibling);
  } catch {
    if (mine.aborted) return;
    failed.hidden = false; // and the button is still there
  } finally {
    if (!mine.aborted) busy(false);
  }
}

function busy(on) {
  adding = on;
  more.setAttribute("aria-disabled", String(on));
  more.textContent = text(on ? "history.loading" : "history.earlier");
}

// The button that had the focus is gone.
function focus(item) {
  if (!item) return;
  item.tabIndex = -1;
  item.focus();
}

function entry({ at, face, fields }) {
  const item = document.createElement("li");
  const lines = fields.map((changed) => {
    const line = document.createElement("p");
    describe(line, changed);
    return line;
  });
  const when = document.createElement("time");
  when.dateTime = at;
  when.textContent = date(new Date(at));
  const by = document.createElement("p");
  by.className = "hint";
  const way = known(`face.${face}`) ? text(`face.${face}`) : face;
  fill(by, "history.by", { when, face: way });
  item.append(...lines, by);
  return item;
}

function describe(line, { field, old, new: now }) {
  const values = { field: label(field), old, new: now };
  if (now === null) return fill(line, "history.removed", values);
  if (field === "avatarBase64")
    return fill(line, old === null ? "history.added" : "history.replaced", values);
  return fill(line, old === null ? "history.set" : "history.changed", values);
}

retry.addEventListener("click", load);
