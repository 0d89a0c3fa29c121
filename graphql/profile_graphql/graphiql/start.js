"use strict";

// What the page tells us: where to send operations and, in a demo alone, whom to act as.
const { endpoint, nonce, people } = JSON.parse(document.getElementById("config").textContent);

// get-nonce, inside GraphiQL, signs the style of an open dialog with this.
globalThis.__webpack_nonce__ = nonce;

const { createElement: h, useEffect, useState } = React;

const headersFor = (person) =>
  JSON.stringify(
    {
      Authorization: `Bearer ${person ? person.token : ""}`,
      "X-Tenant-ID": person ? person.tenant_id : "",
    },
    null,
    2,
  );

const UPDATE = `  updateMyProfile(input: $input) {
    __typename
    ... on Profile {
      name
      firstName
      lastName
      displayName
      etag
    }
    ... on ProfileError {
      code
      message
      violations {
        field
        code
        message
      }
      notices
    }
  }
}
`;

const EXAMPLES = [
  {
    query: `# Who am I? Choose another person above, then run it again.
query Me {
  me {
    id
    name
    email
    authProvider
    firstName
    lastName
    displayName
    editableFields
    etag
  }
}
`,
  },
  {
    query: `# Everyone may change their own display name.
mutation Rename($input: UpdateMyProfileInput!) {
${UPDATE}`,
    variables: JSON.stringify({ input: { displayName: "Countess of Lovelace" } }, null, 2),
  },
  {
    query: `# A first name has at most 100 characters; this one has 101.
mutation TooLong($input: UpdateMyProfileInput!) {
${UPDATE}`,
    variables: JSON.stringify({ input: { firstName: "a".repeat(101) } }, null, 2),
  },
];

// GraphiQL's history would keep bearer tokens in localStorage, whatever it is told of headers.
const withoutHeaders = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), (key, value) => (key === "headers" ? null : value));
  } catch {
    return text;
  }
};

// Keeps edits over a reload; those of a demo, which is a new one each time, no longer than its tab.
const kept = people.length ? sessionStorage : localStorage;
const ownKeys = () => Object.keys(kept).filter((key) => key.startsWith("graphiql:"));
const storage = {
  getItem: (key) => kept.getItem(key),
  setItem: (key, value) =>
    kept.setItem(key, key === "graphiql:headers" ? "" : withoutHeaders(value)),
  removeItem: (key) => kept.removeItem(key),
  clear: () => ownKeys().forEach((key) => kept.removeItem(key)),
  get length() {
    return ownKeys().length;
  },
};

// A link brings an operation, `?query=` and `variables`; it is opened once and never run by itself.
const link = new URLSearchParams(location.search);
const linked = link.has("query")
  ? { query: link.get("query"), variables: link.get("variables") ?? "" }
  : undefined;
if (linked) history.replaceState(null, "", location.pathname);

const send = GraphiQL.createFetcher({
  url: endpoint,
  headers: { Accept: "application/json" },
  enableIncrementalDelivery: false,
});

// For a moment after a change of tabs GraphiQL still names the operation of the tab before.
const fetcher = (params, options) => {
  const { operationName, ...others } = params;
  return send(params.query.includes(operationName) ? params : others, options);
};

// A choice fills in the headers of the tab in front; the other tabs follow when they come to the
// front, unless someone typed other headers there.
const ours = new Set(["", ...people.map(headersFor)]);

function ActAs({ headers }) {
  const { headerEditor, activeTabIndex } = GraphiQL.React.useEditorContext({ nonNull: true });
  useEffect(() => {
    headerEditor?.setValue(headers);
  }, [headerEditor, headers]);
  useEffect(() => {
    if (ours.has(headerEditor?.getValue())) headerEditor.setValue(headers);
  }, [activeTabIndex]);
  return null;
}

function Bar({ chosen, choose }) {
  return h(
    "header",
    { className: "bar" },
    h("h1", null, "Profile service"),
    people.length > 0 &&
      h(
        "label",
        null,
        "Act as ",
        h(
          "select",
          { id: "person", value: chosen, onChange: (event) => choose(Number(event.target.value)) },
          people.map((person, index) => h("option", { key: index, value: index }, person.label)),
        ),
      ),
  );
}

function Page() {
  const [chosen, choose] = useState(0);
  const headers = headersFor(people[chosen]);
  const [tabs] = useState(() =>
    [linked, ...EXAMPLES].filter(Boolean).map((example) => ({ ...example, headers })),
  );
  return h(
    React.Fragment,
    null,
    h(Bar, { chosen, choose }),
    h(
      GraphiQL,
      {
        fetcher,
        storage,
        shouldPersistHeaders: false,
        defaultHeaders: headers,
        defaultTabs: people.length ? tabs : undefined,
        ...linked,
        defaultEditorToolsVisibility: "headers",
        inputValueDeprecation: true,
      },
      people.length > 0 && h(ActAs, { headers }),
    ),
  );
}

ReactDOM.createRoot(document.getElementById("root")).render(h(Page));
