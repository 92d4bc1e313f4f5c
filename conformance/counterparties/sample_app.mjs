// An app whose people sign in through the gateway: openid-client behind three pages. For the demo and the tests.
//
//   node sample_app.mjs --port PORT --config FILE      prints `READY <url>`; the callback is <url>/callback
//
// FILE: {"title", "issuer", "client_id", "client_secret", "id_token_signed_response_alg", "scope"}, or none of the last five:
// then POST /admin/client sends them before the first sign-in. No ID token that is signed in another way is taken. <url>/sign-in?acr_values=... asks the gateway for that. Every page answers in JSON to `Accept: application/json`.
import { randomBytes } from 'node:crypto';
import * as client from 'openid-client';
import { bodyText, commandLine, escape, page, serve } from './page.mjs';

const { port, config } = commandLine();
const title = config.title ?? 'Sample app';
const sessions = new Map(); // cookie value -> { pending } or { claims, userinfo, tokens }
const cookieName = 'sample-app';
let settings = config.issuer ? config : undefined;
let discovered;

async function gateway() {
  if (!settings) throw new Error('the app does not know its gateway yet');
  discovered ??= client.discovery(
    new URL(settings.issuer), settings.client_id,
    { id_token_signed_response_alg: settings.id_token_signed_response_alg },
    client.ClientSecretBasic(settings.client_secret),
    // Without this the library takes an ID token for genuine because it came by the back channel, and checks no signature.
    { execute: [client.enableNonRepudiationChecks, ...(settings.issuer.startsWith('http://') ? [client.allowInsecureRequests] : [])] });
  try {
    return await discovered;
  } catch (reason) {
    discovered = undefined; // the gateway may be up at the next click
    throw reason;
  }
}

function sessionOf(request) {
  const id = new RegExp(`${cookieName}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1];
  return { id, session: sessions.get(id) };
}

function redirect(response, location, headers = {}) {
  response.writeHead(303, { location, 'cache-control': 'no-store', ...headers }).end();
}

function send(request, response, status, value, html) {
  const wantsJson = request.headers.accept?.includes('application/json');
  const kind = wantsJson ? 'application/json' : 'text/html; charset=utf-8';
  response.writeHead(status, { 'content-type': kind, 'cache-control': 'no-store' });
  response.end(wantsJson ? JSON.stringify(value) : page(title, html));
}

async function signIn(base, request, response) {
  const server = await gateway();
  const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
  const acrValues = new URL(request.url, base).searchParams.get('acr_values');
  const id = randomBytes(24).toString('base64url');
  sessions.set(id, { pending: { verifier, state, nonce } });
  const url = client.buildAuthorizationUrl(server, {
    redirect_uri: `${base}/callback`, scope: settings.scope ?? 'openid profile email offline_access', state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    ...(acrValues && { acr_values: acrValues }),
  });
  redirect(response, url.href, { 'set-cookie': `${cookieName}=${id}; Path=/; HttpOnly; SameSite=Lax` });
}

async function callback(base, request, response) {
  const { id, session } = sessionOf(request);
  if (!session?.pending) return send(request, response, 400, { error: 'no_sign_in' }, '<h1>No sign-in was begun here</h1>');
  const { verifier, state, nonce } = session.pending;
  try {
    const server = await gateway();
    const tokens = await client.authorizationCodeGrant(server, new URL(request.url, base), {
      pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
    });
    const claims = tokens.claims();
    const userinfo = await client.fetchUserInfo(server, tokens.access_token, claims.sub);
    sessions.set(id, { claims, userinfo, tokens });
    redirect(response, '/');
  } catch (reason) {
    sessions.delete(id);
    refused(request, response, 'The sign-in did not succeed', reason);
  }
}

async function refresh(_, request, response) {
  const { id, session } = sessionOf(request);
  if (!session?.tokens?.refresh_token) return redirect(response, '/');
  try {
    const server = await gateway();
    const tokens = await client.refreshTokenGrant(server, session.tokens.refresh_token);
    const userinfo = await client.fetchUserInfo(server, tokens.access_token, session.claims.sub);
    sessions.set(id, { ...session, userinfo, tokens: { ...session.tokens, ...tokens } });
    redirect(response, '/');
  } catch (reason) {
    sessions.delete(id);
    refused(request, response, 'You have been signed out', reason);
  }
}

/** Asks UserInfo again with the access token at hand, without refreshing it. */
async function userinfo(_, request, response) {
  const { session } = sessionOf(request);
  if (!session?.tokens) return redirect(response, '/');
  try {
    const answer = await client.fetchUserInfo(await gateway(), session.tokens.access_token, session.claims.sub);
    send(request, response, 200, answer, `<h1>UserInfo</h1>${table(answer)}<p class="actions"><a class="button" href="/">Back</a></p>`);
  } catch (reason) {
    refused(request, response, 'UserInfo was refused', reason);
  }
}

function refused(request, response, headline, reason) {
  const value = { error: reason.error ?? reason.code ?? 'failed', description: reason.error_description ?? reason.message };
  send(request, response, 401, { ...value, status: reason.status }, `<h1>${escape(headline)}</h1>
    <p class="complaint" role="alert">${escape(value.description)} <small>(${escape(value.error)})</small></p>
    <p class="actions"><a class="button" href="/sign-in">Sign in again</a></p>`);
}

function table(values) {
  const text = (value) => escape(typeof value === 'string' ? value : JSON.stringify(value));
  const rows = Object.entries(values).map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${text(value)}</td></tr>`);
  return `<table>${rows.join('')}</table>`;
}

async function home(_, request, response) {
  const { session } = sessionOf(request);
  if (!session?.claims) {
    return send(request, response, 200, { signed_in: false }, `<h1>${escape(title)}</h1>
      <p>An app that lets the gateway say who you are.</p><p class="actions"><a class="button" href="/sign-in">Sign in</a></p>`);
  }
  const value = { signed_in: true, claims: session.claims, userinfo: session.userinfo, scope: session.tokens.scope };
  return send(request, response, 200, value, `<h1>Hello, ${escape(session.userinfo.name ?? session.userinfo.email ?? 'there')}</h1>
    <p class="quiet">${escape(title)} knows this about you.</p>
    <h2>ID token, verified</h2>${table(session.claims)}<h2>UserInfo</h2>${table(session.userinfo)}
    <div class="actions"><form method="post" action="/refresh"><button>Refresh</button></form>
    <form method="post" action="/sign-out"><button>Sign out</button></form></div>`);
}

async function signOut(_, request, response) {
  sessions.delete(sessionOf(request).id);
  redirect(response, '/');
}

async function learnClient(base, request, response) {
  settings = JSON.parse(await bodyText(request));
  discovered = undefined;
  send(request, response, 201, { redirect_uri: `${base}/callback` }, '');
}

const routes = {
  'GET /': home, 'GET /sign-in': signIn, 'GET /callback': callback, 'GET /userinfo': userinfo,
  'POST /refresh': refresh, 'POST /sign-out': signOut, 'POST /admin/client': learnClient,
};

serve(port, (base) => async (request, response) => {
  const route = routes[`${request.method} ${new URL(request.url, base).pathname}`];
  if (route) return route(base, request, response);
  return send(request, response, 404, { error: 'not_found' }, '<h1>There is nothing here</h1>');
});
