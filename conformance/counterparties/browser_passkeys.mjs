// A person with a password adds a passkey and signs in by it, in headless Chromium with a virtual authenticator (CDP, domain
// WebAuthn). One run is one browser; the passkey can be carried from one run into the next.
//
//   node browser_passkeys.mjs FILE      prints one line of JSON: what each step showed, or { failed, url, text }
//
// FILE: {"app", "gateway", "email", "password", "steps": [...], "passkey": of an earlier run or absent, "screenshots": or absent}
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const task = JSON.parse(readFileSync(process.argv[2], 'utf8'));
let shots = 0;

async function shoot(page, name) {
  if (!task.screenshots) return;
  shots += 1;
  for (const [look, width, height] of [['light', 1280, 800], ['dark', 1280, 800], ['light', 390, 844]]) {
    await page.emulateMedia({ colorScheme: look });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(task.screenshots, `${shots}-${name}-${look}-${width}.png`), fullPage: true });
  }
}

/** What stands in the two-column tables of the app's page, by name. */
async function tableOf(page, heading) {
  await page.getByRole('heading', { name: heading }).waitFor();
  const rows = page.locator(`h2:text-is("${heading}") + table tr`);
  const pairs = await rows.evaluateAll((all) => all.map((row) => [row.cells[0].innerText, row.cells[1].innerText]));
  return Object.fromEntries(pairs);
}

async function shownByApp(page) {
  return { claims: await tableOf(page, 'ID token, verified'), userinfo: await tableOf(page, 'UserInfo') };
}

async function toEmailPage(page) {
  await page.goto(`${task.app}/sign-in`);
  await page.getByRole('textbox', { name: /e-?mail/i }).waitFor();
}

const steps = {
  async password(page) {
    await toEmailPage(page);
    await shoot(page, 'email');
    await page.getByRole('textbox', { name: /e-?mail/i }).fill(task.email);
    await page.keyboard.press('Enter');
    await page.getByLabel('Password').fill(task.password);
    await shoot(page, 'password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    return shownByApp(page);
  },
  async add(page) {
    await page.goto(`${task.gateway}/account/security`);
    await shoot(page, 'security');
    await page.getByRole('link', { name: 'Add a passkey' }).click();
    await page.getByLabel('A name, so that you know it again').fill('This laptop');
    await page.getByLabel('Your password').fill(task.password);
    await shoot(page, 'add');
    await page.getByRole('button', { name: 'Go on with the password' }).click();
    await page.getByRole('heading', { name: 'Keep your recovery codes' }).waitFor();
    await page.getByRole('link', { name: 'I have them' }).click();
    await page.getByRole('heading', { name: 'This laptop' }).waitFor();
    await shoot(page, 'passkeys');
    return { names: await page.locator('section h2').allInnerTexts() };
  },
  async renewCodes(page) {
    await page.goto(`${task.gateway}/account/passkeys`);
    await page.getByRole('button', { name: 'Make new ones, by a passkey' }).click();
    await page.getByRole('heading', { name: 'Keep your recovery codes' }).waitFor();
    return { codes: await page.locator('ol.codes li').count() };
  },
  async signOut(page) {
    await page.goto(`${task.gateway}/sign-out`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    return {};
  },
  async passkey(page) {
    await toEmailPage(page);
    // By the keyboard alone.
    const button = page.getByRole('button', { name: 'Use a passkey' });
    await button.focus();
    await page.keyboard.press('Enter');
    return shownByApp(page);
  },
  async refused(page) {
    await toEmailPage(page);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('alert').filter({ hasText: 'You were not signed in' }).waitFor();
    await shoot(page, 'refused');
    return { text: await page.locator('main').innerText() };
  },
  async cancelled(page, authenticator) {
    await authenticator.verifies(false);
    await toEmailPage(page);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByText('No passkey was used.').waitFor();
    await shoot(page, 'cancelled');
    await authenticator.verifies(true);
    await page.getByRole('button', { name: 'Ask me again' }).click();
    return shownByApp(page);
  },
  /** The authenticator is one that was set back, as a copy of it would be. */
  async setBack(page, authenticator) {
    const [passkey] = await authenticator.passkeys();
    await authenticator.hold({ ...passkey, signCount: 1 });
    return {};
  },
};

async function virtualAuthenticator(context, page) {
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true };
  const made = { ...options, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options: made });
  return {
    passkeys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    async hold(credential) {
      await session.send('WebAuthn.clearCredentials', { authenticatorId });
      await session.send('WebAuthn.addCredential', { authenticatorId, credential });
    },
    verifies: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  };
}

const profile = mkdtempSync(join(tmpdir(), 'causeway-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const page = context.pages()[0] ?? (await context.newPage());
page.setDefaultTimeout(15_000);
// What a page tried against its own content security policy, or a script that failed, is a fault of that page. The answer to a
// passkey that lets nobody in is 422, which Chromium writes down as well.
const complaints = [];
page.on('console', (message) => message.type() === 'error' && !message.text().includes('422') && complaints.push(message.text()));
page.on('pageerror', (reason) => complaints.push(String(reason)));
const seen = [];
try {
  const authenticator = await virtualAuthenticator(context, page);
  if (task.passkey) await authenticator.hold(task.passkey);
  for (const step of task.steps) seen.push(await steps[step](page, authenticator));
  console.log(JSON.stringify({ seen, complaints, passkeys: await authenticator.passkeys() }));
} catch (reason) {
  const text = await page.locator('body').innerText().catch(() => '');
  console.log(JSON.stringify({ failed: String(reason), after: seen, url: page.url(), text, complaints }));
  process.exitCode = 1;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
