"""Signs people in through the gateway's pages, to get refresh tokens for the bench."""

import base64
import hashlib
import html
import http.cookiejar
import json
import re
import secrets
import urllib.parse
import urllib.request


class KeepRedirect(urllib.request.HTTPRedirectHandler):
    """Follows redirects up to the app's own address, which nobody needs to listen on."""

    def __init__(self, stop):
        self.stop = stop

    def redirect_request(self, request, file, code, message, headers, address):
        if address.startswith(self.stop):
            raise Arrived(address)
        return super().redirect_request(request, file, code, message, headers, address)


class Arrived(Exception):
    """The browser was sent back to the app."""


def sign_in_many(issuer, app, person, count):
    """Signs one person in, and then `count` times without a question in the same browser; answers the refresh tokens."""
    redirect_uri = app["redirect_uris"][0]
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), KeepRedirect(redirect_uri),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    return [sign_in(browser, issuer, app, person, redirect_uri) for _ in range(count)]


def sign_in(browser, issuer, app, person, redirect_uri):
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {"response_type": "code", "client_id": app["client_id"], "redirect_uri": redirect_uri, "state": "bench",
             "scope": "openid profile email offline_access", "nonce": secrets.token_urlsafe(16),
             "code_challenge": challenge, "code_challenge_method": "S256"}
    values = {"email": person["email"], "login": person["email"], "password": person["password"],
              "connection": person["connection"]}
    try:
        page = browser.open(f"{issuer}/oauth2/authorize?{urllib.parse.urlencode(query)}", timeout=30)
        for _ in range(4):  # the address, the choice of a connection, the identity provider's password page
            page = submit(browser, page, values)
    except Arrived as arrived:
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(str(arrived)).query))
        return exchange(issuer, app, answer["code"], redirect_uri, verifier)
    raise SystemExit(f"the sign-in of {person['email']} ended on {page.url}")


def submit(browser, page, values):
    text = page.read().decode()
    action = re.search(r'<form[^>]*action="([^"]*)"', text)
    if not action:
        raise SystemExit(f"no form on {page.url}:\n{text}")
    present = {html.unescape(name): html.unescape(value)
               for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', text)}
    asked = {name: value for name, value in values.items() if f'name="{name}"' in text}
    address = urllib.parse.urljoin(page.url, html.unescape(action.group(1)))
    origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(page.url))
    request = urllib.request.Request(address, urllib.parse.urlencode({**present, **asked}).encode(), {"Origin": origin})
    return browser.open(request, timeout=30)


def exchange(issuer, app, code, redirect_uri, verifier):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    client = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    request = urllib.request.Request(f"{issuer}/oauth2/token", urllib.parse.urlencode(form).encode(),
                                     {"Authorization": f"Basic {client}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())["refresh_token"]
