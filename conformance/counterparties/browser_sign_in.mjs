// Signs a person in by clicking, in headless Chromium: sample app -> gateway -> identity provider -> app, then refresh.
//
//   node browser_sign_in.mjs FILE      prints one line of JSON: what the app showed, or { failed, url, text }
//
// FILE: {"app", "email", "password", "choice": name of the way in or absent, "screenshots": folder or absent}
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const task = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const patience = 15_000;
let shots = 0;

async function shoot(page, name) {
  if (!task.screenshots) return;
  shots += 1;
  for (const [look, width, height] of [['light', 1280, 800], ['dark', 1280, 800], ['light', 390, 844]]) {
    await page.emulateMedia({ colorScheme: look });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(task.screenshots, `${shots}-${name}-${look}-${width}.png`) });
  }
}

/** What stands in the two-column tables of the app's page, by name. */
async function tableOf(page, heading) {
  const rows = page.locator(`h2:text-is("${heading}") + table tr`);
  const pairs = await rows.evaluateAll((all) => all.map((row) => [row.cells[0].innerText, row.cells[1].innerText]));
  return Object.fromEntries(pairs);
}

async function typeAddress(page) {
  await page.goto(task.app);
  await shoot(page, 'app');
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('textbox', { name: /e-?mail/i }).fill(task.email);
  await shoot(page, 'gateway');
  await page.keyboard.press('Enter');
  if (!task.choice) return;
  const choice = page.getByRole('button', { name: task.choice });
  await choice.waitFor();
  await shoot(page, 'choice');
  await choice.click();
}

async function typePassword(page) {
  const password = page.getByLabel('Password');
  await password.waitFor();
  await page.getByLabel('E-mail').fill(task.email);
  await password.fill(task.password);
  await shoot(page, 'identity-provider');
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function signIn(page) {
  await typeAddress(page);
  await typePassword(page);
  await page.getByRole('heading', { name: 'ID token, verified' }).waitFor();
  await shoot(page, 'signed-in');
  const seen = { claims: await tableOf(page, 'ID token, verified'), userinfo: await tableOf(page, 'UserInfo') };
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('heading', { name: 'UserInfo' }).waitFor();
  return { ...seen, refreshed: await tableOf(page, 'UserInfo') };
}

const profile = mkdtempSync(join(tmpdir(), 'causeway-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const page = context.pages()[0] ?? (await context.newPage());
page.setDefaultTimeout(patience);
// What a page tried against its own content security policy, or a script that failed, is a fault of that page.
const complaints = [];
// (pysaml2's own page has no icon, which a browser asks for all the same.)
const isAboutIcon = (message) => message.location().url.endsWith('/favicon.ico');
page.on('console', (message) => message.type() === 'error' && !isAboutIcon(message) && complaints.push(message.text()));
page.on('pageerror', (reason) => complaints.push(String(reason)));
try {
  const seen = await signIn(page);
  console.log(JSON.stringify({ ...seen, complaints, cookies: await context.cookies() }));
} catch (reason) {
  const text = await page.locator('body').innerText().catch(() => '');
  console.log(JSON.stringify({ failed: String(reason), url: page.url(), text, complaints }));
  process.exitCode = 1;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
