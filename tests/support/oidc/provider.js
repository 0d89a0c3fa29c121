// An OpenID Provider for the tests: `node provider.js PORT`, configured by lines of JSON on standard input.
//
// Each line is {keys, accounts}: private JWKs to sign with, and people by their subject, each with
// the claims to tell of them. A later line replaces all of it at once, as a rotation does. Each
// line is answered, when it holds, by how often the key set was asked for so far.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
let handle;
let asked = 0;

function provider({ keys, accounts }) {
  const it = new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['not-a-secret-in-a-throwaway-provider'] },
    clients: [
      {
        client_id: 'page',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/signed-in'],
        application_type: 'native',
        id_token_signed_response_alg: keys[0].alg,
      },
    ],
    clientAuthMethods: ['none'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    findAccount: (_, sub) =>
      accounts[sub] && { accountId: sub, claims: () => ({ sub, ...accounts[sub] }) },
    extraTokenClaims: (_, token) => accounts[token.accountId],
    ttl: { AccessToken: 600, Session: 600, Interaction: 600, Grant: 600 },
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://profile.example',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: 'profile',
          scope: 'profile:read profile:write',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
  });
  return it.callback();
}

const answer = () => process.stdout.write(`${asked}\n`);
console.info = console.error; // notices must not get in between
const server = createServer((request, response) => {
  if (request.url === '/jwks') asked += 1;
  handle(request, response);
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    handle = provider(JSON.parse(line));
    if (server.listening) answer();
    else server.listen(port, '127.0.0.1', answer);
  })
  .on('close', () => process.exit(0));
