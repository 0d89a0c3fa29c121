// Who is signed in: the card to do it by, and the corner to leave by.

const card = document.getElementById("sign-in");
const corner = document.getElementById("account");

// The person who signs in; until somebody does, it waits.
export async function signedIn(signIn) {
  document.querySelector(".person").hidden = true;
  const { SignIn, wordsFor } = await import(new URL(signIn.module, document.baseURI));
  const session = new SignIn(signIn, () => location.reload());
  const account = new Account(session, wordsFor(navigator.languages, session.provider));
  await account.signedIn();
  return account.person;
}

class Account {
  #session;
  #words;
  #lang;

  constructor(session, { lang, of }) {
    this.#session = session;
    this.#words = of;
    this.#lang = lang;
  }

  async signedIn() {
    this.#show({ ...this.#words.busy, busy: true });
    if (!(await this.#held(() => this.#session.start()))) await this.#offer("welcome");
    card.hidden = true;
    this.#showCorner();
  }

  // What goes wrong later is told by the page, which keeps what was typed.
  get person() {
    const told = (run) => async () => {
      try {
        return await run();
      } catch (problem) {
        const { code } = problem;
        if (!(code in this.#words)) throw problem;
        throw Object.assign(new Error(code), { code: `sign_in_${code}`, words: this.#words[code] });
      }
    };
    return {
      label: "",
      tenant_id: this.#session.tenantId,
      token: told(() => this.#session.token()),
      refresh: told(() => this.#session.renew()),
      renew: told(() => this.#session.goBeside()),
    };
  }

  // Runs a part of the sign-in; a problem is shown, and then there is nothing but to go.
  async #held(part) {
    try {
      return await part();
    } catch (problem) {
      if (!(problem.code in this.#words)) throw problem;
      return this.#offer(problem.code, problem.choices);
    }
  }

  // Shows why somebody has to sign in; goes with the click, so that nothing comes after it.
  #offer(code, choices = []) {
    const said = this.#words[code];
    const go = (trip) => () => {
      this.#show({ ...said, text: [this.#words.leaving], busy: true });
      this.#held(() => this.#session.go(trip));
    };
    const actions = {
      choose: choices.map((tenant) => [tenant, go({ tenant, tenants: choices })]),
      elsewhere: [[said.action, () => location.assign(this.#session.home)]],
      handed: [],
      insecure: [],
      not_accepted: [[said.action, go({ prompt: "login" })]],
    };
    this.#show({ ...said, actions: actions[code] ?? [[said.action, go()]] });
    return new Promise(() => {});
  }

  #show({ title, text = [], actions = [], busy = false }) {
    const heading = element("h1", title);
    heading.id = "sign-in-title";
    heading.tabIndex = -1;
    const lines = text.map((line) => element("p", line));
    const buttons = actions.map(([label, run]) => {
      const button = element("button", label);
      button.type = "button";
      button.className = actions.length === 1 ? "primary" : "";
      button.addEventListener("click", run);
      return button;
    });
    card.lang = this.#lang;
    card.setAttribute("aria-busy", String(busy));
    card.replaceChildren(heading, ...lines, ...buttons);
    card.hidden = false;
    heading.focus();
  }

  #showCorner() {
    const { all, chosen } = this.#session.tenants;
    const out = element("button", this.#words.signOut);
    out.type = "button";
    out.id = "sign-out";
    out.className = "quiet";
    out.addEventListener("click", () => {
      out.disabled = true;
      this.#session.signOut();
    });
    corner.replaceChildren(...(all.length ? [this.#tenantChoice(all, chosen)] : []), out);
    corner.lang = this.#lang;
    corner.hidden = false;
  }

  #tenantChoice(all, chosen) {
    const label = element("label", `${this.#words.tenant} `);
    const select = document.createElement("select");
    select.append(...all.map((each) => new Option(each, each, false, each === chosen)));
    select.addEventListener("change", () =>
      this.#held(() => this.#session.go({ tenant: select.value })),
    );
    label.append(select);
    return label;
  }
}

// The page may have a language that the sign-in has not, written in the other direction.
function element(name, text) {
  const made = document.createElement(name);
  made.dir = "auto";
  made.textContent = text;
  return made;
}
