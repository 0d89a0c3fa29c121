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
      edges { node { at face fields { field: name old new } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

// `FIRST_NAME` of ProfileField, or `first_name`, as the profile's own `firstName`.
const propertyOf = (field) => field.toLowerCase().replace(/_./g, ([, first]) => first.toUpperCase());
const withProperty = (each) => ({ ...each, field: propertyOf(each.field) });

export class Problem extends Error {
  constructor({ code, message, notices = [], violations = [] }) {
    super(message);
    Object.assign(this, { code, notices, violations: violations.map(withProperty) });
  }
}

export class Service {
  constructor(endpoint, person) {
    this.endpoint = endpoint;
    this.headers = {
      Accept: "application/json",
      Authorization: `Bearer ${person.token}`,
      "Content-Type": "application/json",
      "X-Tenant-ID": person.tenant_id,
    };
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
      const page = (await this.#run(CHANGES, { after })).me.changes;
      for (const { node } of page?.edges ?? []) node.fields = node.fields.map(withProperty);
      return page;
    } catch (problem) {
      if (problem.code === "invalid_query") return null;
      throw problem;
    }
  }

  async #run(query, variables) {
    const body = JSON.stringify({ query, variables });
    let answer;
    try {
      const response = await fetch(this.endpoint, { method: "POST", headers: this.headers, body });
      answer = await response.json();
    } catch {
      throw new Problem({ code: "unreachable", message: "The service cannot be reached." });
    }
    const [error] = answer.errors ?? [];
    if (error) throw new Problem({ ...error.extensions, message: error.message });
    return answer.data;
  }
}
