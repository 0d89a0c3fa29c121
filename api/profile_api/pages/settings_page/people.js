// Whom the page can act as: each with a label, the tenant, the token to send, and what gets a new
// one: `renew` by the person's click and, where it can be had without them, `refresh`. Tokens are
// kept in memory alone.

import { signedIn } from "./account.js";
import { config } from "./config.js";

const BLOCK = /<script type="application\/json" id="config">(.*?)<\/script>/s;

// The one who signs in, which it waits for; or those of a demo, whose page brings their tokens.
export async function peopleOf({ people, signIn }) {
  if (signIn) return [await signedIn(signIn)];
  return people.map(({ label, tenant_id, token }, index) => ({
    label,
    tenant_id,
    token: async () => token,
    // By a new copy of the page; what was typed in this one stays.
    renew: async (signal) => {
      const answer = await fetch(location.pathname, { cache: "no-store", signal });
      const found = BLOCK.exec(await answer.text());
      token = (found && JSON.parse(found[1]).people[index]?.token) ?? token;
    },
  }));
}

// Where people change what the issuer of this token manages, if that is configured.
export function accountUrl(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (each) => each.charCodeAt(0));
    return config.accounts[JSON.parse(new TextDecoder().decode(bytes)).iss] ?? null;
  } catch {
    return null;
  }
}
