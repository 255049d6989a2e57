// An OAuth server for tests: oidc-provider, strict about PKCE, whose refresh tokens are good once.
// Usage: node oauth_provider.mjs REDIRECT_URI
// Prints {"issuer", "secret"} once it listens, and ends with its standard input. GET /test/counts
// says how many grants of each type it gave and refused.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [redirect] = process.argv.slice(2);
const secret = randomBytes(24).toString('base64url');
const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const resource = 'https://api.example.com';
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'longhaul',
      client_secret: secret,
      token_endpoint_auth_method: 'client_secret_post',
      id_token_signed_response_alg: 'ES256',
      redirect_uris: [redirect],
      grant_types: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
    },
  ],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256', kid: 'k' }] },
  scopes: ['openid', 'offline_access', 'read', 'write'],
  cookies: { keys: [randomBytes(24).toString('base64url')] },
  findAccount: (ctx, name) => ({ accountId: name, claims: () => ({ sub: name }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, asked) => {
        if (asked !== resource) throw new Error(`no such resource: ${asked}`);
        // Opaque, so that introspection knows it.
        return { scope: 'read write', audience: resource, accessTokenFormat: 'opaque' };
      },
    },
  },
});
const counts = {};
const count = (outcome) => (ctx) => {
  const type = `${ctx.oidc.params?.grant_type} ${outcome}`;
  counts[type] = (counts[type] ?? 0) + 1;
};
provider.on('grant.success', count('given'));
provider.on('grant.error', count('refused'));
const answer = provider.callback();
server.on('request', (request, response) => {
  if (request.url !== '/test/counts') return answer(request, response);
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify(counts));
});
console.log(JSON.stringify({ issuer, secret }));
process.stdin.resume().on('end', () => process.exit(0));
