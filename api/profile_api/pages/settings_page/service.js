// The GraphQL face as a page calls it: a POST, and one kind of error for whatever goes wrong.

import { FIELDS } from "./config.js";

const PROFILE = `fragment Whole on Profile {
  id email authProvider ${FIELDS.map(({ name }) => name).join(" ")} avatarBase64 etag editableFields
}`;
const ME = `query Me { me { ...Whole } } ${PROFILE}`;
const UPDATE = `mutation Update($input: UpdateMyProfileInput!, $ifMatch: String) {
  updateMyProfile(input: $input, ifMatch: $ifMatch) {
    __typename
    ...Whole
    ... on ProfileError { code message notices violations { field message } }
  }
} ${PROFILE}`;
const CHANGES = `query Changes($after: String) {
  me {
    changes(first: 5, after: $after) {
      edges { node { at face fields { field old new } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

export class Problem extends Error {
  constructor({ code, message, notices, violations, action }) {
    super(message);
    Object.assign(this, { code, notices: notices ?? [], violations: violations ?? [], action });
  }
}

export class Service {
  constructor(endpoint, person) {
    this.endpoint = endpoint;
    this.person = person;
  }

  async me() {
    return (await this.#run(ME)).me;
  }

  // Saves only if the profile is still the one with this entity tag.
  async update(input, ifMatch) {
    const { updateMyProfile: result } = await this.#run(UPDATE, { input, ifMatch });
    if (result.__typename === "ProfileError") throw new Problem(result);
    return result;
  }

  // A page of the history, or null where the service keeps none.
  async changes(after) {
    try {
      return (await this.#run(CHANGES, { after })).me.changes;
    } catch (problem) {
      if (problem.code === "invalid_query") return null;
      throw problem;
    }
  }

  async #run(query, variables) {
    const answer = await this.#answer(query, variables);
    const [error] = answer.errors ?? [];
    if (error) throw new Problem({ ...error.extensions, message: error.message });
    return answer.data;
  }

  // With a new token where the service takes the old one no more: nothing was done then.
  async #answer(query, variables) {
    const answer = await this.#send(query, variables);
    if (answer.errors?.[0].extensions?.code !== "unauthenticated" || !this.person.renew)
      return answer;
    await this.person.renew().catch((problem) => Promise.reject(new Problem(problem)));
    return this.#send(query, variables);
  }

  async #send(query, variables) {
    const token = await this.person.token().catch((problem) => Promise.reject(new Problem(problem)));
    const headers = {
      Accept: "application/json",
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      "X-Tenant-ID": this.person.tenant_id,
    };
    const body = JSON.stringify({ query, variables });
    try {
      const response = await fetch(this.endpoint, { method: "POST", headers, body });
      return await response.json();
    } catch {
      throw new Problem({ code: "unreachable", message: "The service cannot be reached." });
    }
  }
}
