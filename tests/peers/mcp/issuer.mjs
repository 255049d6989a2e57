// An MCP server behind an authorization server, both real: the official SDK and oidc-provider.
// Usage: node issuer.mjs REDIRECT_URI
// Prints {"url"} once it listens; then answers each line of standard input, a JSON object:
// {"consent": PAGE} with where the browser of somebody who says yes ends, {"revoke": true} after
// no token that was used so far is good, {"count": true} with how many tokens were asked for.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import Provider from 'oidc-provider';

// Standard output is for answers alone.
console.info = console.error;
console.warn = console.error;
const [redirect] = process.argv.slice(2);
const listen = async () => {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, `http://127.0.0.1:${server.address().port}`];
};
const [issuerServer, issuer] = await listen();
const [resourceServer, origin] = await listen();
const resource = `${origin}/mcp`;
let count = 0;

const provider = new Provider(issuer, {
  cookies: { keys: [randomBytes(24).toString('base64url')] },
  scopes: ['tools:use', 'tools:more'],
  findAccount: (ctx, name) => ({ accountId: name, claims: () => ({ sub: name }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'tools:use tools:more',
        audience: resource,
        accessTokenTTL: 3600,
        accessTokenFormat: 'opaque',
      }),
      useGrantedResource: () => true,
    },
  },
});
issuerServer.on('request', (request, response) => {
  if (request.url === '/token') count += 1;
  provider.callback()(request, response);
});

const used = new Set();
const revoked = new Set();
const challenge = (response, status, words) => {
  const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  response.setHeader('www-authenticate', `Bearer ${words}resource_metadata="${metadata}"`);
  response.writeHead(status).end();
};
resourceServer.on('request', async (request, response) => {
  if (request.url === '/.well-known/oauth-protected-resource/mcp') {
    const document = { resource, authorization_servers: [issuer], scopes_supported: ['tools:use'] };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
    return;
  }
  const value = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const token = value && !revoked.has(value) ? await provider.AccessToken.find(value) : undefined;
  if (!token || ![token.aud].flat().includes(resource)) {
    challenge(response, 401, '');
    return;
  }
  used.add(value);
  let body = '';
  for await (const piece of request) body += piece;
  const message = body ? JSON.parse(body) : undefined;
  if (message?.params?.name === 'more' && !token.scope.split(' ').includes('tools:more')) {
    challenge(response, 403, 'error="insufficient_scope", scope="tools:more", ');
    return;
  }
  const mcp = new McpServer({ name: 'guarded', version: '1.0.0' });
  for (const name of ['use', 'more']) {
    mcp.registerTool(name, { description: name }, () => ({
      content: [{ type: 'text', text: `${name} for ${token.accountId}` }],
    }));
  }
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await mcp.connect(transport);
  await transport.handleRequest(request, response, message);
});

/** Goes through the pages as a browser whose person signs in as ada and says yes. */
const consent = async (page) => {
  const jar = new Map();
  let step = { url: page };
  for (let hops = 0; hops < 20; hops += 1) {
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
    const type = step.body ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
    const answer = await fetch(step.url, {
      method: step.body ? 'POST' : 'GET',
      body: step.body,
      redirect: 'manual',
      headers: { cookie, ...type },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, content] = /^([^=]+)=([^;]*)/.exec(set);
      jar.set(name, content);
    }
    const location = answer.headers.get('location');
    if (location) {
      step = { url: new URL(location, step.url).href };
      if (step.url.startsWith(redirect)) return step.url;
      continue;
    }
    const text = await answer.text();
    const action = /action="([^"]+)"/.exec(text)?.[1];
    if (!action) throw new Error(`${answer.status}: ${text}`);
    const login = text.includes('name="login"');
    const body = login ? 'prompt=login&login=ada&password=x' : 'prompt=consent';
    step = { url: new URL(action, step.url).href, body };
  }
  throw new Error('it leads nowhere');
};

console.log(JSON.stringify({ url: resource }));
const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
for await (const line of lines) {
  const asked = JSON.parse(line);
  if (asked.revoke) used.forEach((value) => revoked.add(value));
  const answer = asked.consent ? { callback: await consent(asked.consent) } : { count };
  console.log(JSON.stringify(answer));
}
