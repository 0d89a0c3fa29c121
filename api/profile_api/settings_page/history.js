// The trail of a person's changes, newest first; absent where the service keeps none.

const WORDS = {
  first_name: "first name",
  last_name: "last name",
  display_name: "display name",
  avatar_base64: "picture",
  email: "email",
};
const FACES = { rest: "REST", graphql: "GraphQL" };
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const LIST = new Intl.ListFormat("en");

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
  const what = document.createElement("p");
  what.textContent = sentence(fields.map((field) => WORDS[field.toLowerCase()] ?? field));
  const when = document.createElement("time");
  when.dateTime = at;
  when.textContent = DATE.format(new Date(at));
  const by = document.createElement("p");
  by.className = "hint";
  const way = face.toLowerCase();
  by.append(when, ` · by ${FACES[way] ?? way}`);
  item.append(what, by);
  return item;
}

function sentence(fields) {
  const text = `${LIST.format(fields)} changed`;
  return text[0].toUpperCase() + text.slice(1);
}
