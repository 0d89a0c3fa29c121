// An OpenID Provider to try with: `node provider.js PORT`, configured by lines of JSON on standard input.
//
// Each line is {accounts, keys?, pages?, refresh?, tenants?, skew?}: people by their subject, each
// with the claims to tell of them; private JWKs to sign with; addresses of pages that people sign
// in from; whether these get refresh tokens; tenants that a scope `tenant:…` can ask for; seconds
// that its clock is ahead. A later line replaces all of it at once, as a rotation does. Each line
// is answered, when it holds, by how often the key set was asked for so far.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';
import { consent, login, logout, over, read } from './screens.js';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const now = Date.now;
let it;
let people;
let asked = 0;

const newKeys = () => [
  { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    alg: 'RS256', use: 'sig' },
];

function provider({ accounts, keys = newKeys(), pages = [], refresh = false, tenants = [], skew = 0 }) {
  Date.now = () => now() + 1000 * skew;
  people = accounts;
  const claims = (_, token) => {
    const told = { ...accounts[token.accountId] };
    const chosen = token.scope?.split(' ').find((each) => each.startsWith('tenant:'));
    if (chosen && told.tenant_id?.includes(chosen.slice(7))) told.tenant_id = chosen.slice(7);
    return told;
  };
  return new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['not-a-secret-in-a-throwaway-provider'] },
    clients: [
      {
        client_id: 'page',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/signed-in', ...pages],
        post_logout_redirect_uris: pages,
        grant_types: ['authorization_code', ...(refresh ? ['refresh_token'] : [])],
        id_token_signed_response_alg: keys[0].alg,
      },
    ],
    clientAuthMethods: ['none'],
    clientBasedCORS: (_, origin) => pages.some((page) => new URL(page).origin === origin),
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    findAccount: (_, sub) =>
      accounts[sub] && { accountId: sub, claims: () => ({ sub, ...accounts[sub] }) },
    extraTokenClaims: claims,
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    ttl: { AccessToken: 600, IdToken: 600, Session: 86400, Interaction: 600, Grant: 86400, RefreshToken: 86400 },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => (ctx.body = logout(form)) },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://profile.example',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: 'profile',
          scope: ['profile:read profile:write', ...tenants.map((each) => `tenant:${each}`)].join(' '),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
  });
}

// What people see of it: who are you, and may the page know it.
async function interact(request, response) {
  const { prompt, params, session, grantId } = await it.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(prompt.name === 'login' ? login(people) : consent(people[session.accountId], params));
    return;
  }
  const form = await read(request);
  let result = { login: { accountId: form.get('login') } };
  if (form.has('cancel')) result = { error: 'access_denied' };
  else if (prompt.name === 'consent') {
    const grant = grantId
      ? await it.Grant.find(grantId)
      : new it.Grant({ accountId: session.accountId, clientId: params.client_id });
    const { missingOIDCScope, missingOIDCClaims, missingResourceScopes = {} } = prompt.details;
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
    if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
    for (const [resource, scopes] of Object.entries(missingResourceScopes))
      grant.addResourceScope(resource, scopes.join(' '));
    result = { consent: { grantId: await grant.save() } };
  }
  await it.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const answer = () => process.stdout.write(`${asked}\n`);
console.info = console.error; // notices must not get in between
const server = createServer((request, response) => {
  if (request.url === '/jwks') asked += 1;
  if (!request.url.startsWith('/interaction/')) it.callback()(request, response);
  else
    interact(request, response).catch((error) => {
      response.writeHead(400, { 'content-type': 'text/html; charset=utf-8' });
      response.end(over(error.message));
    });
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    it = provider(JSON.parse(line));
    if (server.listening) answer();
    else server.listen(port, '127.0.0.1', answer);
  })
  .on('close', () => process.exit(0));
