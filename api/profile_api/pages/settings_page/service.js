// The service as the page calls it, with a time limit, and one kind of error for all that goes wrong.

import { config, FIELDS } from "./config.js";
import { accountUrl } from "./people.js";
import { within } from "./turn.js";

const SECONDS = { read: 15, save: 30, silence: 30 };
const NO_TURN = new AbortController().signal;

const PROFILE = `fragment Whole on Profile {
  id email authProvider ${FIELDS.map(({ name }) => name).join(" ")} avatarBase64 etag editableFields
}`;
const ME = `query Me { me { ...Whole } } ${PROFILE}`;
const UPDATE = `mutation Update($input: UpdateMyProfileInput!, $ifMatch: String) {
  updateMyProfile(input: $input, ifMatch: $ifMatch) {
    __typename
    ...Whole
    ... on ProfileError { code message details notices }
  }
} ${PROFILE}`;
const CHANGES = `query Changes($after: String) {
  me {
    changes(first: 5, after: $after) {
      edges { node { at face fields { field: name old new } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;
// An entity tag that no profile ever has.
const NEVER = '""';

// `first_name`, as the history spells a field, as the profile's own `firstName`.
const propertyOf = (name) => name.replace(/_./g, ([, first]) => first.toUpperCase());
const withProperty = (each) => ({ ...each, field: propertyOf(each.field) });

export class Problem extends Error {
  // `retryAfter` in seconds; `number` is that of the request, for those who run the service. Of the
  // sign-in there are `words`: title, text and action.
  constructor({ code, message, details, notices, words }, { retryAfter, number } = {}) {
    super(message ?? code);
    Object.assign(this, { code: code ?? "unexpected", number, notices: notices ?? [], words });
    this.violations = details?.violations ?? [];
    this.retryAfter = Number(retryAfter ?? details?.retry_after) || 0;
  }
}

const misunderstood = (about) => new Problem({ code: "unexpected" }, about);
// What the sign-in could not do.
const refused = (error) => {
  throw error.words ? new Problem(error) : error;
};
const isText = (value) => typeof value === "string";

// A profile, whatever came; what has the form of none is a problem.
function asProfile(value, about) {
  const whole =
    [value?.id, value?.email, value?.authProvider, value?.etag].every(isText) &&
    Array.isArray(value.editableFields);
  if (!whole) throw misunderstood(about);
  return value;
}

export class Service {
  accountUrl = null; // where the person changes what the issuer of their last token manages

  // `identity` has the token and the tenant to send with each request.
  constructor(identity) {
    this.identity = identity;
  }

  // Signs the person in again, by their click.
  renew(turn) {
    return this.identity.renew(turn).catch(refused);
  }

  async me(turn) {
    const { data, about } = await this.#run(SECONDS.read, turn, ME);
    return asProfile(data.me, about);
  }

  // Saves only if the profile is still the one with this entity tag. It is never taken back.
  async update(input, ifMatch) {
    const variables = { input, ifMatch };
    const { data, about } = await this.#run(SECONDS.save, NO_TURN, UPDATE, variables);
    const result = data.updateMyProfile;
    if (result?.__typename === "ProfileError" && isText(result.code))
      throw new Problem(result, about);
    return asProfile(result, about);
  }

  // What the policies say to those whom they keep from this change; nothing is written.
  async notices(input, turn) {
    const variables = { input, ifMatch: NEVER };
    const { data } = await this.#run(SECONDS.read, turn, UPDATE, variables);
    const result = data.updateMyProfile;
    return result?.code === "forbidden" ? result.notices.filter(isText) : [];
  }

  // A page of the history, or null where the service keeps none.
  async changes(after, turn) {
    try {
      const { data, about } = await this.#run(SECONDS.read, turn, CHANGES, { after });
      const page = data.me?.changes;
      if (!Array.isArray(page?.edges) || !page.pageInfo) throw misunderstood(about);
      for (const { node } of page.edges) node.fields = node.fields.map(withProperty);
      return page;
    } catch (problem) {
      if (problem.code === "invalid_query") return null;
      throw problem;
    }
  }

  // All that is kept, as a file; `progress` is told the bytes so far.
  export(turn, progress) {
    return this.#ask(SECONDS.silence, turn, config.export, {}, async (response, about, alive) => {
      if (!response.ok) throw new Problem(await response.json(), about);
      const pieces = [];
      let bytes = 0;
      for (const reader = response.body.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) return new Blob(pieces, { type: "application/json" });
        alive();
        pieces.push(value);
        progress((bytes += value.length));
      }
    });
  }

  #run(seconds, turn, query, variables) {
    const body = JSON.stringify({ query, variables });
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const init = { method: "POST", headers, body };
    return this.#ask(seconds, turn, config.endpoint, init, async (response, about) => {
      const answer = await response.json();
      const error = answer?.errors?.[0];
      if (error) throw new Problem({ ...error.extensions, message: error.message }, about);
      if (typeof answer?.data !== "object" || answer.data === null) throw misunderstood(about);
      return { data: answer.data, about };
    });
  }

  // With a new token where the service takes the old one no more: nothing was done then.
  async #ask(...asked) {
    try {
      return await this.#send(...asked);
    } catch (problem) {
      if (problem.code !== "unauthenticated" || !this.identity.refresh) throw problem;
      await this.identity.refresh().catch(refused);
      return this.#send(...asked);
    }
  }

  async #send(seconds, turn, url, init, read) {
    const token = await this.identity.token().catch(refused);
    this.accountUrl = accountUrl(token);
    const headers = {
      ...init.headers,
      Authorization: `Bearer ${token}`,
      "X-Tenant-ID": this.identity.tenant_id,
    };
    let about;
    try {
      return await within(seconds, turn, async (signal, alive) => {
        const response = await fetch(url, { ...init, headers, signal });
        about = {
          retryAfter: response.headers.get("Retry-After") ?? undefined,
          number: response.headers.get("X-Request-ID") ?? undefined,
          broken: response.status >= 500,
        };
        return await read(response, about, alive);
      });
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (error.name === "TimeoutError") throw new Problem({ code: "too_slow" });
      if (error instanceof SyntaxError) // no JSON, say a proxy's page
        throw about.broken ? new Problem({ code: "unavailable" }, about) : misunderstood(about);
      throw new Problem({ code: navigator.onLine ? "unreachable" : "offline" });
    }
  }
}
