"use strict";

// What the page tells us: where to send operations, how to sign in and, in a demo alone, whom to act
// as; and whether there is a settings page to go back to.
const { endpoint, nonce, people, signIn, home } = JSON.parse(
  document.getElementById("config").textContent,
);

// The library writes markup that it made clean itself; scripts and their addresses pass nowhere.
globalThis.trustedTypes?.createPolicy("default", { createHTML: (markup) => markup });

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

// Whoever signed in, if anybody; the bar shows it, and each operation is sent for them.
const account = { session: null, words: null, signedIn: false, show: () => {} };

async function startSignIn() {
  const { SignIn, wordsFor } = await import(new URL(signIn.module, document.baseURI));
  // Nothing of who signed out in another tab stays to be seen; GraphiQL keeps the edits.
  const session = new SignIn(signIn, () => location.reload());
  // GraphiQL speaks English.
  Object.assign(account, { session, words: wordsFor(["en"], session.provider).of });
  account.show({});
}

// The token is added here, where GraphiQL can neither show nor keep it. Headers typed by hand win.
async function signedHeaders(typed = {}) {
  const names = Object.keys(typed).map((name) => name.toLowerCase());
  if (!account.signedIn || names.includes("authorization")) return typed;
  try {
    const token = await account.session.token();
    const own = { Authorization: `Bearer ${token}`, "X-Tenant-ID": account.session.tenantId };
    return { ...own, ...typed };
  } catch ({ code }) {
    account.show({ signedIn: false, problem: code });
    throw new Error(account.words[code].title);
  }
}

// For a moment after a change of tabs GraphiQL still names the operation of the tab before.
const fetcher = async (params, options) => {
  const { operationName, ...others } = params;
  const headers = await signedHeaders(options?.headers);
  return send(params.query.includes(operationName) ? params : others, { ...options, headers });
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

// Signs in in a window of its own: what was typed here stays.
function Account() {
  const [state, setState] = useState({ signedIn: false, problem: null, busy: false });
  useEffect(() => {
    account.show = (changed) => {
      if ("signedIn" in changed) account.signedIn = changed.signedIn;
      setState((before) => ({ ...before, busy: false, ...changed }));
    };
    startSignIn();
  }, []);
  const { session, words } = account;
  if (!words) return null;
  const { signedIn, problem, choices = [], busy } = state;
  const run = (trip) => async () => {
    account.show({ busy: true });
    try {
      account.show({ signedIn: await session.goBeside(trip), problem: null });
    } catch (refused) {
      account.show({ problem: refused.code, choices: refused.choices });
    }
  };
  const said = words[problem ?? "welcome"];
  const button = (label, onClick) =>
    h("button", { type: "button", key: label, onClick, disabled: busy && signedIn }, label);
  const buttons = signedIn
    ? [button(words.signOut, () => (account.show({ busy: true }), session.signOut()))]
    : problem === "choose"
      ? choices.map((tenant) => button(tenant, run({ tenant, tenants: choices })))
      : problem === "elsewhere"
        ? [button(said.action, () => location.assign(session.home))]
        : said.action && [button(said.action, run(problem === "not_accepted" ? { prompt: "login" } : {}))];
  return h(
    "div",
    { className: "account" },
    h("p", { role: "status", title: said.text?.join(" ") }, problem ? said.title : ""),
    buttons,
  );
}

function Bar({ chosen, choose }) {
  return h(
    "header",
    { className: "bar" },
    h("h1", null, "Profile service"),
    home && h("a", { href: "." }, "Settings"),
    signIn && h(Account),
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
        showPersistHeadersSettings: false,
        defaultHeaders: signIn ? "" : headers,
        defaultTabs: people.length ? tabs : undefined,
        ...linked,
        defaultEditorToolsVisibility: signIn ? "variables" : "headers",
        inputValueDeprecation: true,
      },
      people.length > 0 && h(ActAs, { headers }),
    ),
  );
}

ReactDOM.createRoot(document.getElementById("root")).render(h(Page));
