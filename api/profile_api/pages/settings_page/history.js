// The trail of a person's changes, newest first; absent where the service keeps none.

import { FIELDS } from "./config.js";

const WORDS = {
  ...Object.fromEntries(FIELDS.map(({ name, label }) => [name, label])),
  avatarBase64: "Picture",
  email: "Email",
};
const FACES = { rest: "REST", graphql: "GraphQL" };
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

const section = document.getElementById("history");
const list = section.querySelector("ol");
const more = section.querySelector("button");
let shown = 0;

export async function showHistory(service) {
  const mine = ++shown; // another person may be chosen before the answer is here
  const page = await service.changes(null).catch(() => null);
  if (mine !== shown) return;
  section.hidden = !page?.edges.length;
  list.replaceChildren();
  if (page) add(service, page);
}

export function hideHistory() {
  shown += 1;
  section.hidden = true;
}

function add(service, { edges, pageInfo }) {
  list.append(...edges.map(({ node }) => entry(node)));
  more.hidden = !pageInfo.hasNextPage;
  more.onclick = async () => {
    const mine = shown;
    const page = await service.changes(pageInfo.endCursor).catch(() => null);
    if (mine !== shown || !page) return;
    const last = list.lastElementChild;
    add(service, page);
    if (more.hidden) {
      last.nextElementSibling.tabIndex = -1;
      last.nextElementSibling.focus();
    }
  };
}

function entry({ at, face, fields }) {
  const item = document.createElement("li");
  const lines = fields.map((changed) => {
    const line = document.createElement("p");
    line.textContent = sentence(changed);
    return line;
  });
  const when = document.createElement("time");
  when.dateTime = at;
  when.textContent = DATE.format(new Date(at));
  const by = document.createElement("p");
  by.className = "hint";
  by.append(when, ` · by ${FACES[face] ?? face}`);
  item.append(...lines, by);
  return item;
}

function sentence({ field, old, new: now }) {
  const what = WORDS[field] ?? field;
  if (now === null) return `${what} removed`;
  if (field === "avatarBase64") return old === null ? `${what} added` : `${what} replaced`;
  return old === null ? `${what} set to ${now}` : `${what} changed from ${old} to ${now}`;
}
