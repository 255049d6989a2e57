// Opens a page in headless Chromium, waits until it shows all given texts, and takes a picture.
// Usage: node page_text.mjs URL PICTURE.png TEXT...
// Prints {"missing": [...], "text": "..."}; exits with 1 if a text is missing after 30 s.
import { chromium } from 'playwright-core';

const [url, picture, ...wanted] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  // A running workflow's page polls for ever, so there is no idle network to wait for.
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  const started = Date.now();
  let text = '';
  let missing = wanted;
  while (missing.length > 0 && Date.now() - started < 30_000) {
    await page.waitForTimeout(250);
    // The details of a workflow are rendered in a frame of their own.
    const parts = await Promise.all(page.frames().map((frame) => frame.evaluate(() => {
      const svg = [...document.querySelectorAll('svg text, svg title')].map((node) => node.textContent);
      return document.body.innerText + '\n' + svg.join('\n');
    }).catch(() => '')));
    text = parts.join('\n');
    missing = wanted.filter((wish) => !text.includes(wish));
  }
  await page.screenshot({ path: picture, fullPage: true });
  console.log(JSON.stringify({ missing, text }));
  process.exitCode = missing.length > 0 ? 1 : 0;
} finally {
  await browser.close();
}
