// Signs in at the edge through its identity provider in headless Chromium, and approves a gate.
// Usage: node oidc_login.mjs EDGE_URL NAME GATE_PATH
// Prints {"inbox", "end", "cookies"}: what the inbox and the last page say, and how cookies are set.
import { chromium } from 'playwright-core';

const [edge, name, gate] = process.argv.slice(2);
let page;
const text = () => page.evaluate(() => document.body.innerText);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
});
try {
  const context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(`${edge}/approvals`);
  await page.getByRole('link', { name: /^Sign in with/ }).click();
  await page.getByPlaceholder('Enter any login').fill(name);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL((url) => url.href.startsWith(edge));
  const inbox = await text();
  let end = inbox;
  if (gate) {
    await page.goto(`${edge}${gate}`);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.waitForLoadState();
    end = await text();
  }
  // The provider is on the same host, and its cookies with it.
  const ours = (await context.cookies(edge)).filter(({ name }) => name.startsWith('longhaul'));
  const cookies = ours.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }));
  console.log(JSON.stringify({ inbox, end, cookies }));
} catch (error) {
  console.error(page?.url(), await text().catch(() => ''), error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
}
