// Which fields a person cannot change, and why.

import { FIELDS } from "./config.js";
import { fill, text } from "./texts.js";

const MANAGED = new Set(FIELDS.filter(({ managed }) => managed).map(({ name }) => name));

// `field` as GraphQL's ProfileField spells it.
const enumName = (field) => field.replace(/[A-Z]/g, "_$&").toUpperCase();

export const isEditable = (profile, field) => profile.editableFields.includes(enumName(field));

const isManaged = (profile, field) => profile.authProvider !== "LOCAL" && MANAGED.has(field);

export const lockedByPolicy = (profile) =>
  [...FIELDS.map(({ name }) => name), "avatarBase64"].filter(
    (field) => !isEditable(profile, field) && !isManaged(profile, field),
  );

// Says below a field why it is locked: the provider manages some, a policy whatever else. Where it
// is not locked, says the `hint`.
export function showLock(element, person, field, hint) {
  const profile = person.draft?.stored;
  const locked = Boolean(profile) && !isEditable(profile, field);
  element.classList.toggle("lock", locked);
  if (!locked) return show(element, hint, [hint], null);
  if (isManaged(profile, field)) {
    const reason = text("lock.managed");
    return show(element, reason + person.accountUrl, [reason], person.accountUrl);
  }
  const notices = person.notices[field] ?? [];
  const sentences = notices.length ? notices : [text("lock.policy")];
  return show(element, sentences.join("\n"), sentences, null);
}

// Where the person may go to change what is not changed here.
export function linkTo(url) {
  const link = document.createElement("a");
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer" });
  fill(link, "lock.link", { host: new URL(url).host });
  return link;
}

// Only if it says something new: else a reader would be told again, or lose the link's focus.
function show(element, key, sentences, url) {
  if (element.dataset.shows === key) return;
  element.dataset.shows = key;
  const lines = sentences.flatMap((sentence, index) => {
    const line = document.createElement("bdi");
    line.textContent = sentence;
    return index ? [document.createElement("br"), line] : [line];
  });
  element.replaceChildren(...lines, ...(url ? [" ", linkTo(url)] : []));
}
