// Does at an oidc-provider what a person does in a browser: signs in as ada and consents, or
// cancels at the end, by the forms of its pages.
// Usage: node oauth_consent.mjs URL consent|cancel
// Prints {"to"}: where the browser is sent, or {"page"}: what the last page says.
const [start, decision] = process.argv.slice(2);
const { origin } = new URL(start);
const jar = new Map();

const keep = (response, url) => {
  for (const line of response.headers.getSetCookie()) {
    const [pair, ...rest] = line.split('; ');
    const at = pair.indexOf('=');
    const attributes = Object.fromEntries(rest.map((it) => it.toLowerCase().split('=')));
    const path = rest.find((it) => /^path=/i.test(it))?.slice(5) ?? new URL(url).pathname;
    const name = `${path} ${pair.slice(0, at)}`;
    if (attributes.expires && Date.parse(attributes.expires) < Date.now()) jar.delete(name);
    else jar.set(name, { path, pair });
  }
};

const open = async (url, body) => {
  let [address, form] = [url, body];
  for (;;) {
    const { pathname } = new URL(address);
    const cookies = [...jar.values()].filter(({ path }) => pathname.startsWith(path));
    const response = await fetch(address, {
      method: form ? 'POST' : 'GET',
      body: form,
      redirect: 'manual',
      headers: { cookie: cookies.map(({ pair }) => pair).join('; ') },
    });
    keep(response, address);
    const to = response.headers.get('location');
    if (!to) return { address, page: await response.text(), status: response.status };
    address = new URL(to, address).href;
    form = undefined;
    if (new URL(address).origin !== origin) return { to: address };
  }
};

const attribute = (tag, name) =>
  tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1].replaceAll('&amp;', '&');

let at = await open(start);
for (let pages = 0; pages < 10 && !at.to; pages += 1) {
  const form = at.page.match(/<form[^>]*>[\s\S]*?<\/form>/)?.[0];
  if (!form) break;
  const fields = new URLSearchParams();
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name) fields.set(name, attribute(tag, 'value') ?? '');
  }
  if (fields.has('login')) fields.set('login', 'ada');
  if (fields.has('password')) fields.set('password', 'any');
  const asked = fields.get('prompt') === 'consent' && decision === 'cancel';
  const cancel = at.page.match(/href="([^"]*\/abort)"/)?.[1];
  at = asked
    ? await open(new URL(cancel, at.address).href)
    : await open(new URL(attribute(form, 'action'), at.address).href, fields);
}
console.log(JSON.stringify(at.to ? { to: at.to } : { page: at.page }));
