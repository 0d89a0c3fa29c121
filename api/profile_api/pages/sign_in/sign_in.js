// Signs a person in with their provider: OpenID Connect by authorization code with PKCE (RFC 7636),
// as RFC 9700 has it for a public client.
//
// Tokens are kept here, in memory, and nowhere else. A trip to the provider leaves this page, so
// its state, nonce and verifier wait in sessionStorage until it is back; they are good for one
// code alone.

import * as oauth from "./oauth4webapi.js";

export { wordsFor } from "./words.js";

const TRIP = "profile-sign-in";
const BEEN = "profile-signed-in"; // there if somebody was signed in before a reload: no token either
const LEFT = "profile-signed-out"; // while somebody is at the provider to sign out
const TENANT = "{tenant}";
const PATIENCE_MS = 15_000;
const HAND_OVER_MS = 3_000;
const LEEWAY_SECONDS = 30; // for clocks that disagree, as the service has it
const MARGIN_SECONDS = 30; // a token is renewed so long before it ends

// The provider has to ask the person something (OpenID Connect Core 1.0 section 3.1.2.6).
const ASKS = ["login_required", "interaction_required", "consent_required", "account_selection_required"];
const NOT_NOW = ["temporarily_unavailable", "server_error"];

// `code` is a key of the words; `choices` are tenants to choose from, in the provider's words.
export class SignInProblem extends Error {
  constructor(code, choices = []) {
    super(code);
    Object.assign(this, { code, choices });
  }
}

export class SignIn {
  #config;
  #client;
  #changed;
  #home = new URL(".", location.href).href; // every page stands at the top
  #channel = new BroadcastChannel(TRIP);
  #server = null;
  #tokens = null;
  #who = null; // to whom what is typed on this page belongs
  #waiting = null;
  #renewing = null;

  // `changed` is called when another tab signed out.
  constructor(config, changed) {
    this.#config = config;
    this.#changed = changed;
    this.#client = {
      client_id: config.client_id,
      // The service's clock counts: this device's may be wrong.
      [oauth.clockSkew]: Math.round(config.now - Date.now() / 1000),
      [oauth.clockTolerance]: LEEWAY_SECONDS,
    };
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
    // A page that the browser kept may be shown again after somebody signed out.
    addEventListener("pageshow", ({ persisted }) => persisted && !this.#tokens && location.reload());
  }

  get provider() {
    return new URL(this.#config.issuer).host;
  }

  get home() {
    return this.#config.home ?? this.#home;
  }

  get tenantId() {
    return this.#tokens?.tenantId;
  }

  get tenants() {
    return { all: this.#tokens?.tenants ?? [], chosen: this.#tokens?.tenant };
  }

  // What became of a trip that ends here: true if somebody is signed in. Without one, whoever was
  // signed in before a reload is so again, without being asked. Raises SignInProblem.
  async start() {
    const answer = new URL(location.href).searchParams;
    const state = answer.get("state");
    if (answer.has("code") || answer.has("error")) {
      const trip = take(TRIP);
      history.replaceState(null, "", location.pathname);
      if (trip?.state === state) return this.#arrive(trip, answer);
      const taken = await this.#handOver(state, answer);
      if (taken) window.close();
      throw new SignInProblem(taken ? "handed" : "stale");
    }
    const left = take(LEFT);
    if (state !== null) {
      history.replaceState(null, "", location.pathname);
      // Anybody can link to an address that says so.
      if (left?.state === state) throw new SignInProblem(left.code);
    }
    if (this.home !== this.#home) throw new SignInProblem("elsewhere");
    if (!isSecureContext) throw new SignInProblem("insecure");
    const been = take(BEEN);
    if (been) await this.go({ ...been, prompt: "none" });
    return false;
  }

  // Leaves this page for the provider's. Raises SignInProblem; otherwise it never ends.
  async go({ prompt, tenant, tenants = this.tenants.all } = {}) {
    const trip = this.#trip(tenant, tenants);
    const address = await this.#address(trip, prompt);
    sessionStorage.setItem(TRIP, JSON.stringify(trip));
    // A trip that nobody asked for is nothing to go back to.
    if (prompt === "none") location.replace(address);
    else location.assign(address);
    return new Promise(() => {});
  }

  // The same in a window of its own, so that this page stays as it is; to be called by a click.
  // Raises SignInProblem, also for another person than before.
  async goBeside({ prompt, tenant = this.tenants.chosen, tenants = this.tenants.all } = {}) {
    if (this.home !== this.#home) throw new SignInProblem("elsewhere");
    if (!isSecureContext) throw new SignInProblem("insecure");
    const beside = window.open("", "_blank", "popup,width=480,height=680");
    if (!beside) throw new SignInProblem("no_window");
    const trip = this.#trip(tenant, tenants);
    try {
      const address = await this.#address(trip, prompt);
      const answered = new Promise((resolve) => (this.#waiting = { state: trip.state, resolve }));
      beside.location.replace(address);
      return await this.#arrive(trip, await answered);
    } catch (problem) {
      beside.close();
      throw problem;
    }
  }

  // An access token that is good for a while yet. Raises SignInProblem.
  async token() {
    if (performance.now() > (this.#tokens?.fresh ?? -1)) await this.renew();
    return this.#tokens.access;
  }

  // Gets a new access token, once for all who ask meanwhile. Raises SignInProblem.
  renew() {
    this.#renewing ??= this.#refresh().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  // Ends the session here, in the other tabs and, where it can be, with the provider, and leaves.
  async signOut() {
    const { id, refresh } = this.#tokens ?? {};
    this.#forget();
    this.#channel.postMessage({ signedOut: true });
    const state = oauth.generateRandomState();
    const leave = (address, code) => {
      sessionStorage.setItem(LEFT, JSON.stringify({ state, code }));
      address.searchParams.set("state", state);
      location.assign(address);
    };
    try {
      this.#server = null; // asked again: a provider that is away shows no page
      const server = await this.#found();
      // Without it the provider's session can be ended all the same.
      if (refresh && server.revocation_endpoint) await this.#revoke(server, refresh).catch(() => {});
      if (server.end_session_endpoint) {
        const address = new URL(server.end_session_endpoint);
        address.searchParams.set("client_id", this.#client.client_id);
        address.searchParams.set("post_logout_redirect_uri", this.#home);
        if (id) address.searchParams.set("id_token_hint", id);
        return leave(address, "signed_out");
      }
    } catch {
      // What can be ended has ended: this page has no token any more.
    }
    leave(new URL(this.#home), "signed_out_here");
  }

  #trip(tenant, tenants) {
    return {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
      tenant,
      tenants,
    };
  }

  async #address(trip, prompt) {
    const { scope, parameters } = this.#config;
    const filled = (text) => (trip.tenant ? text.replaceAll(TENANT, trip.tenant) : text);
    const address = new URL((await this.#found()).authorization_endpoint);
    const asked = {
      ...Object.fromEntries(Object.entries(parameters).map(([key, text]) => [key, filled(text)])),
      client_id: this.#client.client_id,
      redirect_uri: this.#home,
      response_type: "code",
      scope: filled(scope).split(" ").filter((name) => !name.includes(TENANT)).join(" "),
      state: trip.state,
      nonce: trip.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(trip.verifier),
      code_challenge_method: "S256",
      ...(prompt && { prompt }),
    };
    for (const [key, text] of Object.entries(asked))
      if (!text.includes(TENANT)) address.searchParams.set(key, text);
    return address.href;
  }

  // Back from the provider, whose answer is checked: state, issuer (RFC 9207), nonce.
  #arrive(trip, answer) {
    return held(async () => {
      const server = await this.#found();
      const parameters = oauth.validateAuthResponse(server, this.#client, answer, trip.state);
      const response = await oauth.authorizationCodeGrantRequest(
        server, this.#client, oauth.None(), parameters, this.#home, trip.verifier, this.#options,
      );
      const answered = await oauth.processAuthorizationCodeResponse(
        server, this.#client, response, { expectedNonce: trip.nonce, requireIdToken: true },
      );
      const tokens = kept(answered);
      tokens.tenantId = await this.#tenantOf(tokens.access);
      this.#who ??= { subject: tokens.subject, tenantId: tokens.tenantId };
      if (["subject", "tenantId"].some((each) => tokens[each] !== this.#who[each]))
        throw new SignInProblem("another");
      const { tenant, tenants } = trip;
      this.#tokens = { ...tokens, tenant, tenants };
      sessionStorage.setItem(BEEN, JSON.stringify({ tenant, tenants }));
      return true;
    });
  }

  async #refresh() {
    const { refresh, until } = this.#tokens ?? {};
    if (!refresh) throw new SignInProblem("over");
    try {
      await held(async () => {
        const server = await this.#found();
        const response = await oauth.refreshTokenGrantRequest(
          server, this.#client, oauth.None(), refresh, this.#options,
        );
        const answered = await oauth.processRefreshTokenResponse(server, this.#client, response);
        const tokens = kept(answered);
        // OpenID Connect Core 1.0 section 12.2
        if (tokens.subject && tokens.subject !== this.#who.subject) throw new SignInProblem("another");
        // Somebody may have signed out meanwhile.
        if (this.#tokens) Object.assign(this.#tokens, defined(tokens));
      });
    } catch (problem) {
      if (problem.code === "unreachable" && performance.now() < until) return;
      if (problem.code !== "unreachable" && this.#tokens) this.#tokens.refresh = undefined;
      throw problem.code === "unreachable" ? problem : new SignInProblem("over");
    }
    if (!this.#tokens) throw new SignInProblem("over");
  }

  // Which tenant the service takes the token for: it alone knows what the claim means.
  async #tenantOf(access) {
    let answer;
    try {
      const response = await fetch(this.#config.tenant, {
        headers: { Authorization: `Bearer ${access}` },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      answer = await response.json();
    } catch {
      throw new SignInProblem("service_unreachable");
    }
    if (answer.tenant_id) return answer.tenant_id;
    if (!answer.refused) throw new SignInProblem("service_unreachable");
    const claims = claimsOf(access);
    const choices = listed(claims, this.#config.tenant_claim);
    if (choices.length > 1) throw new SignInProblem(this.#asksForTenant ? "choose" : "several", choices);
    const now = Date.now() / 1000 + this.#client[oauth.clockSkew];
    if (Math.abs((claims.iat ?? now) - now) > 2 * LEEWAY_SECONDS) throw new SignInProblem("clocks");
    throw new SignInProblem("not_accepted");
  }

  // Whether the provider can be asked for one tenant of several.
  get #asksForTenant() {
    return [this.#config.scope, ...Object.values(this.#config.parameters)].join().includes(TENANT);
  }

  // The provider's metadata, fetched once.
  #found() {
    this.#server ??= held(async () => {
      const issuer = new URL(this.#config.issuer);
      const response = await oauth.discoveryRequest(issuer, this.#options);
      return oauth.processDiscoveryResponse(issuer, response);
    }).catch((problem) => {
      this.#server = null;
      throw problem;
    });
    return this.#server;
  }

  async #revoke(server, token) {
    const response = await oauth.revocationRequest(
      server, this.#client, oauth.None(), token, this.#options,
    );
    await oauth.processRevocationResponse(response);
  }

  get #options() {
    return {
      [oauth.allowInsecureRequests]: this.#config.issuer.startsWith("http:"), // loopback alone
      signal: AbortSignal.timeout(PATIENCE_MS),
    };
  }

  #forget() {
    this.#tokens = null;
    sessionStorage.removeItem(BEEN);
    sessionStorage.removeItem(TRIP);
  }

  // What the other tabs say: an answer that may be meant for this one, or that somebody signed out.
  #hear({ answer, signedOut }) {
    const parameters = new URLSearchParams(answer);
    if (answer && this.#waiting?.state === parameters.get("state")) {
      this.#channel.postMessage({ taken: this.#waiting.state });
      this.#waiting.resolve(parameters);
      this.#waiting = null;
    }
    if (signedOut) {
      this.#forget();
      this.#changed();
    }
  }

  // Gives an answer to the tab that waits for it; whether there was one.
  #handOver(state, answer) {
    return new Promise((resolve) => {
      this.#channel.addEventListener("message", ({ data }) => data.taken === state && resolve(true));
      this.#channel.postMessage({ answer: answer.toString() });
      setTimeout(resolve, HAND_OVER_MS, false);
    });
  }
}

function take(key) {
  const text = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// What there is to know of an answer of the token endpoint, by the clock that never jumps.
function kept(answered) {
  const seconds = answered.expires_in ?? Infinity;
  const now = performance.now();
  return {
    access: answered.access_token,
    refresh: answered.refresh_token,
    id: answered.id_token,
    subject: oauth.getValidatedIdTokenClaims(answered)?.sub,
    fresh: now + 1000 * Math.max(seconds - MARGIN_SECONDS, seconds / 2),
    until: now + 1000 * seconds,
  };
}

const defined = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

// The claims of an access token, unchecked, to choose words by; none where it is opaque.
function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (each) => each.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

// The texts in the first of the claims that is there: a name or a JSON Pointer (RFC 6901).
function listed(claims, paths) {
  const steps = (path) =>
    path.startsWith("/")
      ? path.slice(1).split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"))
      : [path];
  const found = paths.map((path) => steps(path).reduce((value, name) => value?.[name], claims));
  const value = found.find((each) => each !== undefined && each !== null);
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

// Runs a part of the sign-in; whatever goes wrong is a SignInProblem.
async function held(part) {
  try {
    return await part();
  } catch (error) {
    throw error instanceof SignInProblem ? error : new SignInProblem(codeOf(error));
  }
}

function codeOf(error) {
  if (error instanceof oauth.AuthorizationResponseError) {
    if (error.error === "access_denied") return "denied";
    if (ASKS.includes(error.error)) return "over";
    return NOT_NOW.includes(error.error) ? "unreachable" : "misconfigured";
  }
  if (error instanceof oauth.ResponseBodyError && error.error === "invalid_grant") return "stale";
  if (error.cause?.status >= 500 || error.status >= 500) return "unreachable";
  if (error.code === oauth.JWT_TIMESTAMP_CHECK) return "clocks";
  if ([oauth.JWT_CLAIM_COMPARISON, oauth.INVALID_RESPONSE].includes(error.code)) return "not_theirs";
  // fetch() says no more of a provider that is away, or that forbids this page to call it.
  return error.name === "TypeError" || error.name === "TimeoutError" ? "unreachable" : "misconfigured";
}
