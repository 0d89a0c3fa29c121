// A service within the page, which handles and answers one request at a time when it is told to.
// Runs a random walk of one person's deeds and the service's, and gives what was wrong on the way.
async ({ seed, steps }) => {
  const wrong = [], trace = [];
  const stored = new Map(); // by token: versions of a profile, oldest first
  const typed = new Map(); // by person: what they typed last and the service has not taken yet
  const seen = new Map(); // by person: the newest version that was shown
  let [waiting, handled, names] = [[], [], 0];

  const random = () => {
    // mulberry32
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const any = (list) => list[Math.floor(random() * list.length)];
  const taken = (list) => list.splice(Math.floor(random() * list.length), 1)[0];
  const element = (id) => document.getElementById(id);
  const who = () => element("person").value;
  const tokens = JSON.parse(element("config").textContent).people.map(({ token }) => token);

  const versions = (person) => stored.get(tokens[person]);
  const newest = (person) => versions(person).at(-1);
  const write = (person, displayName) =>
    versions(person).push({ ...newest(person), displayName, lastName: `v${versions(person).length}`,
      etag: `"${person}-${versions(person).length}"` });
  tokens.forEach((token, person) =>
    stored.set(token, [{
      id: `id-${person}`, email: `p${person}@acme.example`, authProvider: "LOCAL", firstName: null,
      lastName: "v0", displayName: null, avatarBase64: null, etag: `"${person}-0"`,
      editableFields: ["FIRST_NAME", "LAST_NAME", "DISPLAY_NAME", "AVATAR_BASE64"],
    }]));

  window.fetch = (_, { body, headers, signal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const person = String(tokens.indexOf(headers.Authorization.slice(7)));
      waiting.push({ person, ...JSON.parse(body), resolve, reject });
    });

  function handle(request) {
    const { person, query, variables } = request;
    if (query.includes("changes(")) {
      const changes = { edges: [], pageInfo: { hasNextPage: false, endCursor: null } };
      request.data = { me: { changes } };
    } else if (!query.startsWith("mutation")) request.data = { me: newest(person) };
    else if (variables.ifMatch !== newest(person).etag) {
      const refusal = { code: "precondition_failed", message: "Too late.", notices: [] };
      request.data = { updateMyProfile: { __typename: "ProfileError", ...refusal } };
    } else {
      const { displayName } = variables.input;
      write(person, displayName);
      if (typed.get(person) === displayName) typed.delete(person);
      request.data = { updateMyProfile: { __typename: "Profile", ...newest(person) } };
    }
    handled.push(request);
  }

  const deeds = {
    type() {
      const name = `mine ${++names}`;
      if (element("displayName").readOnly || element("displayName").disabled) return;
      element("displayName").value = name;
      element("displayName").dispatchEvent(new Event("input"));
      typed.set(who(), name);
    },
    save: () => element("save").click(),
    discard() {
      if (element("discard").hidden || element("discard").disabled) return;
      element("discard").click();
      typed.delete(who());
    },
    switch() {
      element("person").value = any(["1", "2"]);
      element("person").dispatchEvent(new Event("change"));
    },
    front: () => window.dispatchEvent(new Event("focus")),
    otherTab: () => write(any(["1", "2"]), `theirs ${++names}`),
    handle: () => waiting.length && handle(taken(waiting)),
    answer() {
      if (!handled.length) return;
      const { data, resolve } = taken(handled);
      resolve(new Response(JSON.stringify({ data })));
    },
    fail() {
      const list = any([waiting, handled]);
      if (list.length) taken(list).reject(new TypeError("the network is down"));
    },
  };

  const settled = async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve));
  };

  // A save may be followed by a read.
  async function quiet() {
    for (let round = 0; round < 10; round++) {
      while (waiting.length) handle(waiting.shift());
      while (handled.length) deeds.answer();
      await settled();
    }
  }

  function check() {
    const [person, name] = [who(), element("displayName").value];
    if (element("displayName").disabled) return; // nothing came yet
    const version = Number(element("lastName").value.slice(1));
    const complain = (what) => wrong.push(`${what}, after ${trace.slice(-12).join(" ")}`);
    if (element("email").textContent !== `p${person}@acme.example`) complain("somebody else's email");
    if (version < (seen.get(person) ?? 0)) complain(`back from ${seen.get(person)} to ${version}`);
    seen.set(person, Math.max(version, seen.get(person) ?? 0));
    if (typed.has(person) && name !== typed.get(person)) complain(`${typed.get(person)} is lost`);
    const saved = element("pending").textContent === "Everything is saved";
    if (saved && name !== (versions(person)[version].displayName ?? ""))
      complain(`${name} is not saved in version ${version}`);
    if (saved && typed.has(person)) complain(`${typed.get(person)} is not saved`);
    if (saved && !element("notice").hidden && element("notice").textContent.includes("save again"))
      complain("asked to save what is saved");
  }

  const often = ["handle", "handle", "answer", "answer", "answer", "type", "save"];
  deeds.switch(); // away from the one whom the real service has answered
  for (let step = 0; step < steps && !wrong.length; step++) {
    const deed = any([...Object.keys(deeds), ...often]);
    trace.push(deed);
    deeds[deed]();
    await settled();
    check();
  }
  for (const person of ["1", "2"]) {
    element("person").value = person;
    element("person").dispatchEvent(new Event("change"));
    await quiet(); // so that no save is under way, and then look at what is there
    deeds.front();
    await quiet();
    trace.push(`end ${person}`);
    check();
    if (element("lastName").value !== newest(person).lastName)
      wrong.push(`${element("lastName").value} is not the newest, after ${trace.slice(-12).join(" ")}`);
    if (element("save").textContent !== "Save changes") wrong.push("saves for ever");
  }
  return wrong;
};
