"""What the bench does besides wrk: finds the gateway's process, fills it through SCIM, and signs people in."""

import asyncio
import base64
import hashlib
import html
import http.cookiejar
import json
import os
import re
import secrets
import urllib.parse
import urllib.request
from pathlib import Path

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"


class Gateway:
    """The process that listens where the gateway is, as /proc shows it."""

    def __init__(self, url):
        self.url = url
        self.pid = listener(urllib.parse.urlsplit(url).port)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        """Resident memory."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text()).group(1)) / 1024


def listener(port):
    """The id of the process that listens on a TCP port of this machine."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            sockets.add(f"socket:[{fields[9]}]")
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(link) in sockets for link in Path(f"/proc/{process}/fd").iterdir()):
                return int(process)
        except OSError:
            continue  # it ended, or belongs to somebody else
    raise SystemExit(f"nothing listens on port {port}")


def user(number):
    name = f"user{number:06}@load.test"
    return {"schemas": [USER_SCHEMA], "userName": name, "name": {"givenName": "Gina", "familyName": "Example"},
            "displayName": "Gina Example", "emails": [{"value": name, "type": "work", "primary": True}], "active": True}


async def create_users(base, token, count, connections):
    """Pushes users 1 to `count` over kept-open connections; answers their ids in that order."""
    url, ids, numbers = urllib.parse.urlsplit(base), [None] * count, iter(range(1, count + 1))

    async def worker():
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        for number in numbers:
            status, body = await post(reader, writer, url, token, user(number))
            if status != 201:
                raise SystemExit(f"creating user {number} gave {status}: {body[:400]}")
            ids[number - 1] = json.loads(body)["id"]
        writer.close()

    await asyncio.gather(*[worker() for _ in range(connections)])
    return ids


async def post(reader, writer, url, token, document):
    data = json.dumps(document).encode()
    head = (f"POST {url.path}/Users HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/scim+json\r\nContent-Length: {len(data)}\r\n\r\n")
    writer.write(head.encode() + data)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(re.search(r"content-length: *(\d+)", answer, re.I).group(1))
    return int(answer.split(" ", 2)[1]), await reader.readexactly(length)


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
