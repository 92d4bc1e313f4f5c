// An OpenID provider on oidc-provider, with a sign-in page for people: the customer's identity provider in tests and demo.
//
//   node oidc_op.mjs --port PORT --config FILE      prints `READY <url>`; the URL is the issuer
//
// FILE: {"title", "people": [{"email", "password", "name", "given_name", "family_name", "email_verified"}],
//        "clients": [{"client_id", "client_secret", "redirect_uris": []}]}
// Who is asked for `urn:example:loa:2` by acr_values is asked for the code 424242 as well, and let in without it: the request is
// voluntary, and the token says what was shown. POST /admin/clients with one such client, or any other client metadata, adds or replaces it; /admin/roll-over changes
// the signing key without notice.
import { generateKeyPairSync } from 'node:crypto';
import { Provider, interactionPolicy } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import { bodyText, commandLine, escape, page, serve } from './page.mjs';

const { port, config } = commandLine();
const STRONG = 'urn:example:loa:2';
const CODE = '424242';
const title = config.title ?? 'OpenID provider';
const people = new Map(config.people.map((person) => [person.email, person]));
const clients = new Map();

/** Clients come from the map above; everything else lives in the library's own memory. */
class Adapter extends MemoryAdapter {
  #model;

  constructor(model) {
    super(model);
    this.#model = model;
  }

  async find(id) {
    return this.#model === 'Client' ? clients.get(id) : super.find(id);
  }
}

function addClient(metadata) {
  const [grant_types, response_types] = [['authorization_code', 'refresh_token'], ['code']];
  clients.set(metadata.client_id, { grant_types, response_types, ...metadata });
}

function claimsOf(person) {
  const { email, name, given_name, family_name } = person;
  return { sub: person.subject ?? email, email, email_verified: person.email_verified ?? true, name, given_name, family_name };
}

/** A key pair of this run's own, so that two providers never share one. */
function makeKeys() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `key-${Date.now()}` }] };
}

const asksForMore = (params) => (params.acr_values ?? '').split(' ').includes(STRONG);

/** A session that was made with less is asked for more, once. */
function policy() {
  const prompts = interactionPolicy.base();
  const { Check } = interactionPolicy;
  prompts.get('login').checks.add(new Check('acr_values', 'more is asked for', ({ oidc }) => {
    const isEnough = !asksForMore(oidc.params) || oidc.session.acr === STRONG || oidc.result?.login;
    return isEnough ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
  }));
  return prompts;
}

function makeProvider(issuer) {
  return new Provider(issuer, {
    acrValues: [STRONG],
    adapter: Adapter,
    claims: { openid: ['sub', 'amr', 'auth_time'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'] },
    conformIdTokenClaims: false, // as most providers do: profile claims in the ID token as well as at UserInfo
    clientBasedCORS: () => false,
    cookies: { keys: ['a key for tests and demo only'] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true }, backchannelLogout: { enabled: true }, jwtUserinfo: { enabled: true }, pushedAuthorizationRequests: { enabled: true } },
    // The gateway of tests and demo is on this machine, which the library's own dispatcher does not call.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    jwks: makeKeys(),
    interactions: { policy: policy(), url: (_, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 86400, IdToken: 600, Interaction: 600, Session: 86400 },
    async findAccount(_, accountId) {
      const person = [...people.values()].find((one) => claimsOf(one).sub === accountId);
      return person && { accountId, claims: async () => claimsOf(person) };
    },
    async loadExistingGrant(context) {
      // The employer owns both ends: nobody is asked to consent.
      const { client, session, provider } = context.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  });
}

function signInForm(uid, params, complaint) {
  return page(title, `<h1>Sign in</h1><p class="quiet">${escape(title)}</p>
    ${complaint ? `<p class="complaint" role="alert">${escape(complaint)}</p>` : ''}
    <form method="post" action="/interaction/${escape(uid)}">
      <label>E-mail <input name="login" type="email" autocomplete="username" required autofocus></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
      ${asksForMore(params) ? '<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code"></label>' : ''}
      <button>Sign in</button></form>`);
}

function sendPage(response, status, html) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html);
}

async function interact(provider, uid, request, response) {
  const { params } = await provider.interactionDetails(request, response); // fails when this browser began no such sign-in
  if (request.method === 'GET') {
    return sendPage(response, 200, signInForm(uid, params));
  }
  const form = new URLSearchParams(await bodyText(request));
  const person = people.get(form.get('login'));
  if (!person || person.password !== form.get('password')) {
    return sendPage(response, 200, signInForm(uid, params, 'The e-mail address or the password is wrong.'));
  }
  const isStrong = asksForMore(params) && form.get('code') === CODE;
  const shown = isStrong ? { acr: STRONG, amr: ['pwd', 'otp'] } : { amr: ['pwd'] };
  const login = { accountId: claimsOf(person).sub, ...shown };
  return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}

serve(port, (issuer) => {
  for (const client of config.clients ?? []) addClient(client);
  let provider = makeProvider(issuer);
  let library = provider.callback();
  return async (request, response) => {
    const { pathname } = new URL(request.url, issuer);
    if (request.method === 'POST' && pathname === '/admin/clients') {
      addClient(JSON.parse(await bodyText(request)));
      return response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
    }
    if (request.method === 'POST' && pathname === '/admin/roll-over') {
      provider = makeProvider(issuer); // sessions and tokens live on in the library's memory
      library = provider.callback();
      return response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
    }
    const uid = /^\/interaction\/([\w-]+)$/.exec(pathname)?.[1];
    return uid ? interact(provider, uid, request, response) : library(request, response);
  };
});
