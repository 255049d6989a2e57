// An identity provider for tests: oidc-provider with keys of all kinds, on a free port.
// Usage: node oidc_provider.mjs REDIRECT_URI ALGORITHM
// Prints {"issuer", "secret"} once it listens, and ends with its standard input. Whoever signs in
// as NAME is NAME@example.com; ada is of the group finance.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [redirect, algorithm] = process.argv.slice(2);
const key = (kind, options, alg) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg,
  kid: alg,
});
const secret = randomBytes(24).toString('base64url');
const groups = (name) => (name === 'ada' ? ['finance'] : ['support']);
const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const audience = 'https://longhaul.example.com';
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'longhaul',
      client_secret: secret,
      redirect_uris: [redirect],
      id_token_signed_response_alg: algorithm,
    },
    {
      client_id: 'robot',
      client_secret: secret,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
    },
  ],
  jwks: {
    keys: [
      key('rsa', { modulusLength: 2048 }, 'RS256'),
      key('ec', { namedCurve: 'P-256' }, 'ES256'),
      key('ed25519', {}, 'EdDSA'),
    ],
  },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  scopes: ['openid', 'email', 'groups'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  cookies: { keys: [randomBytes(24).toString('base64url')] },
  findAccount: (ctx, name) => ({
    accountId: name,
    claims: () => ({
      sub: name,
      email: `${name}@example.com`,
      email_verified: name !== 'mallory',
      groups: groups(name),
    }),
  }),
  extraTokenClaims: () => ({ email: 'robot@example.com', groups: ['finance'] }),
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client) => (client.clientId === 'robot' ? audience : undefined),
      getResourceServerInfo: () => ({
        scope: '',
        audience,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
});
server.on('request', provider.callback());
console.log(JSON.stringify({ issuer, secret }));
process.stdin.resume().on('end', () => process.exit(0));
