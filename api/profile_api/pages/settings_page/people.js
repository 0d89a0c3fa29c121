// Whom the page can act as, with their tokens, which are kept in memory alone.

import { config } from "./config.js";

const BLOCK = /<script type="application\/json" id="config">(.*?)<\/script>/s;

export const { people } = config;

// New tokens, of a new copy of the page; what was typed in this one stays.
export async function renew(signal) {
  const answer = await fetch(location.pathname, { cache: "no-store", signal });
  const found = BLOCK.exec(await answer.text());
  if (!found) return;
  JSON.parse(found[1]).people.forEach((person, index) => Object.assign(people[index] ?? {}, person));
}

// Where a person changes what their identity provider manages, if that is configured.
export function accountUrl({ token }) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (each) => each.charCodeAt(0));
    const { iss } = JSON.parse(new TextDecoder().decode(bytes));
    return config.accounts[iss] ?? null;
  } catch {
    return null;
  }
}
