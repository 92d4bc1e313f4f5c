"""A browser without a screen, for one sign-in: it follows redirects and pages that lead on, keeps cookies, sends forms, and is the app at the end."""

import base64
import hashlib
import html
import http.client
import json
import re
import secrets
import threading
import urllib.parse
from dataclasses import dataclass

# One connection to each server for each thread: what a connection costs is not what is measured.
CONNECTIONS = threading.local()
# From the authorization request to the app: the address, the choice, the provider, and back.
MOST_STEPS = 12


@dataclass(frozen=True)
class App:
    """An application, and the server that signs people in for it."""
    authorize: str
    token: str
    userinfo: str
    client_id: str
    client_secret: str
    redirect_uri: str


class Browser:
    """Starts without a session. Its person's means is an identity provider, or a password; `known` are the cookies of a browser
    that has signed somebody in before, of which it keeps the one that says so."""

    def __init__(self, app, means, known=None):
        self.app, self.means = app, means
        self.cookies = {name: value for name, value in (known or {}).items() if name.endswith("-device")}

    def sign_in(self, address, hinted=False):
        """Answers what UserInfo says, which has to be about this address. With a hint the app says who is about to sign in."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {"response_type": "code", "client_id": self.app.client_id, "redirect_uri": self.app.redirect_uri,
                 "state": secrets.token_urlsafe(16), "nonce": secrets.token_urlsafe(16), "scope": "openid profile email",
                 "code_challenge": challenge, "code_challenge_method": "S256"}
        if hinted:
            query["login_hint"] = address
        code = self.walk(f"{self.app.authorize}?{urllib.parse.urlencode(query)}", address)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.app.redirect_uri,
                "code_verifier": verifier, "client_id": self.app.client_id, "client_secret": self.app.client_secret}
        tokens = json.loads(self.expect("POST", self.app.token, form)[1])
        person = json.loads(self.expect("GET", self.app.userinfo, bearer=tokens["access_token"])[1])
        if person.get("email") != address:
            raise ValueError(f"UserInfo is about {person}")
        return person

    def walk(self, url, address):
        """Goes where it is sent until the app has its code."""
        form = None
        for _ in range(MOST_STEPS):
            status, text, location = self.call("POST" if form else "GET", url, form)
            if location:
                url, form = urllib.parse.urljoin(url, location), None
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
                if url.startswith(self.app.redirect_uri):
                    return query["code"]
                if "SAMLRequest" in query:
                    url, form = self.means.answer(url, address)
                continue
            if status != 200:
                raise ValueError(f"{status} at {url}: {text[-600:]}")
            url, form = self.fill(url, text, address)
        raise ValueError(f"no end after {MOST_STEPS} steps: {url}")

    def fill(self, url, text, address=None):
        """Where the first form of a page goes, and what is in it then."""
        found = re.search(r'<form[^>]*action="([^"]*)"', text)
        if not found:
            raise ValueError(f"no form at {url}: {text[-600:]}")
        hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', text)
        form = {html.unescape(name): html.unescape(value) for name, value in hidden}
        for name, value in (("email", address), ("password", self.means)):
            if f'name="{name}"' in text:
                form[name] = value
        return urllib.parse.urljoin(url, html.unescape(found.group(1))), form

    def choose_password(self, link):
        """Follows the link of an activation mail on to the choice of a password, and makes it."""
        url, form = self.fill(link, self.expect("GET", link)[1])
        onward = re.search(r'href="(/password/choose[^"]*)"', self.expect("POST", url, form)[1])
        choice = urllib.parse.urljoin(url, html.unescape(onward.group(1)))
        url, form = self.fill(choice, self.expect("GET", choice)[1])
        self.expect("POST", url, form)

    def expect(self, method, url, form=None, bearer=None):
        status, text, _ = self.call(method, url, form, bearer)
        if status != 200:
            raise ValueError(f"{status} at {url}: {text[:300]}")
        return status, text

    def call(self, method, url, form=None, bearer=None):
        parts = urllib.parse.urlsplit(url)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}"} if method == "POST" else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if bearer:
            headers = {"Authorization": f"Bearer {bearer}"}
        body = urllib.parse.urlencode(form) if form is not None else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = connection_to(parts.netloc)
        try:
            connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";", 1)[0].partition("=")
            self.cookies[name] = value
        _, _, by_itself = answer.headers.get("Refresh", "").partition("url=")
        return answer.status, text, answer.headers.get("Location") or by_itself


def connection_to(netloc):
    known = CONNECTIONS.__dict__.setdefault("by_server", {})
    if netloc not in known:
        known[netloc] = http.client.HTTPConnection(netloc, timeout=30)
    return known[netloc]
