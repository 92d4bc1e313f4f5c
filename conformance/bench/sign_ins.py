#!/usr/bin/env python3
"""Signs many people in at once through a SAML connection, and prints what a sign-in costs the server, as JSON.

    sign_ins.py --program PATH [--passwords] [--hinted] [--known] [--seconds 10] [--at-once 16] [--database-url URL --also PID]
    sign_ins.py --server NAME,AUTHORIZE,TOKEN,USERINFO,CLIENT_ID,CLIENT_SECRET,REDIRECT_URI,PID --key FILE ...
    sign_ins.py --metadata FILE --key FILE      writes the provider's metadata, for a server that has to know it beforehand

A sign-in goes from the authorization request to UserInfo: the server's pages are followed like a browser does, each in a session of
its own, this program answers as the identity provider (RSA, SHA-256, the assertion signed), takes the code, the tokens, and
compares who UserInfo names. With --program it starts `causeway demo`, pushes the people through SCIM, and connects itself
in the place of the demo's providers; with --passwords a few people choose a password by mail and sign in with it instead. Needs what run.py needs, and python3-cryptography.
"""

import argparse
import asyncio
import email
import json
import os
import re
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import App, Browser
from filling import create_users, user
from run import start_demo
from saml_provider import Provider
from server import Server, listener

PEOPLE = 1000
# Who have signed in before in the browser that they sign in with.
KNOWN = 200
# Who have a password: each chooses it by mail.
WITH_A_PASSWORD = 16
PASSWORD = "correct horse battery staple"
LIMITS = {f"CAUSEWAY_LIMITS__{name}_PER_MINUTE": "100000" for name in ["SIGN_IN_ATTEMPTS", "AUTHORIZE", "ANSWERS", "TOKEN_REQUESTS"]}


def address_of(number):
    return user(number + 1)["emails"][0]["value"]


def administer(url, organization, method, path, body=None):
    request = urllib.request.Request(f"{url}/api/v1/orgs/acme{path}", method=method,
                                     data=json.dumps(body).encode() if body is not None else None, headers={
        "Authorization": f"Bearer {organization['admin_token']}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def freelancer(number):
    return f"bench{number}@freelance.test"


def mailed_link(folder, address):
    """The link of the activation mail, which a job sends."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in Path(folder).iterdir():
            mail = email.message_from_bytes(file.read_bytes())
            if mail["To"] and address in mail["To"]:
                texts = [part.get_payload(decode=True).decode() for part in mail.walk() if part.get_content_type() == "text/plain"]
                found = re.search(r"https?://\S+/activation\?token=\S+", "".join(texts))
                if found:
                    return found.group(0)
        time.sleep(0.1)
    raise SystemExit(f"no mail to {address}")


def choose_passwords(demo, server, app):
    """Pushes people whose address no provider answers for; each follows the link of the mail to a password."""
    for number in range(WITH_A_PASSWORD):
        address = freelancer(number)
        document = {**user(number), "userName": address, "emails": [{"value": address, "type": "work", "primary": True}]}
        request = urllib.request.Request(f"{server.base}/Users", method="POST", data=json.dumps(document).encode(), headers={
            "Authorization": f"Bearer {server.token}", "Content-Type": "application/scim+json"})
        urllib.request.urlopen(request, timeout=30).close()
    for number in range(WITH_A_PASSWORD):
        Browser(app, PASSWORD).choose_password(mailed_link(demo["mail"], freelancer(number)))


def get_known(app, means, address_of, people, arguments):
    """Signs everybody in once and keeps their browsers' cookies; ends when what was mailed about it is mailed."""
    def once(number):
        browser = Browser(app, means)
        browser.sign_in(address_of(number))
        return address_of(number), browser.cookies

    with ThreadPoolExecutor(arguments.at_once) as pool:
        known = dict(pool.map(once, range(people)))
    time.sleep(5)
    return known


def measure(server, app, means, address_of, people, arguments):
    """Signs people in until the time is over; each worker is one browser after the other."""
    proof = Browser(app, means).sign_in(address_of(0))
    print(f"{server.name}: {proof}", file=sys.stderr)
    known = get_known(app, means, address_of, people, arguments) if arguments.known else {}
    before, began = server.cpu_seconds(), time.monotonic()

    def work(worker):
        taken, wrong, number = [], [], worker
        while time.monotonic() - began < arguments.seconds:
            start = time.monotonic()
            try:
                address = address_of(number % people)
                Browser(app, means, known.get(address)).sign_in(address, arguments.hinted)
                taken.append(time.monotonic() - start)
            except (OSError, ValueError) as failure:
                wrong.append(str(failure)[:200])
            number += arguments.at_once
        return taken, wrong

    with ThreadPoolExecutor(arguments.at_once) as pool:
        outcomes = list(pool.map(work, range(arguments.at_once)))
    seconds, spent = time.monotonic() - began, server.cpu_seconds() - before
    taken = sorted(one for taken, _ in outcomes for one in taken)
    wrong = [one for _, wrong in outcomes for one in wrong]
    if wrong:
        print(f"{server.name}: {wrong[0]}", file=sys.stderr)
    at = lambda share: round(taken[min(len(taken) - 1, int(len(taken) * share))] * 1e3, 1) if taken else None
    return {"name": server.name, "sign_ins": len(taken), "per_second": round(len(taken) / seconds, 1), "wrong": len(wrong),
            "cpu_us": round(spent * 1e6 / max(1, len(taken) + len(wrong))), "p50_ms": at(0.5), "p99_ms": at(0.99),
            "memory_mib": round(server.memory_mib())}


def connect(url, acme, provider):
    """Makes the provider the only one that the organization has."""
    for connection in acme["connections"].values():
        administer(url, acme, "POST", f"/connections/{connection['id']}/disable")
    connection = {"name": "Bench", "protocol": "saml", "metadata_xml": provider.metadata()}
    made = administer(url, acme, "POST", "/connections", connection)
    if made["state"] != "active":
        administer(url, acme, "POST", f"/connections/{made['id']}/enable")


def measure_program(arguments, provider):
    os.environ.update(LIMITS)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        child, demo = start_demo(arguments, Path(folder))
        try:
            acme, sample, url = demo["orgs"]["acme"], demo["apps"]["sample"], demo["dcs"]["us"]["url"]
            server = Server("causeway", acme["scim"]["base"], acme["scim"]["token"],
                            [listener(urllib.parse.urlsplit(url).port), *arguments.also])
            app = App(f"{url}/oauth2/authorize", f"{url}/oauth2/token", f"{url}/oauth2/userinfo", sample["client_id"],
                      sample["client_secret"], sample["redirect_uris"][0])
            if arguments.passwords:
                choose_passwords(demo, server, app)
                return measure(server, app, PASSWORD, freelancer, WITH_A_PASSWORD, arguments)
            asyncio.run(create_users(server, PEOPLE, 16))
            connect(url, acme, provider)
            people = KNOWN if arguments.known else PEOPLE
            return measure(server, app, provider, address_of, people, arguments)
        finally:
            child.terminate()
            child.wait(timeout=60)


def measure_server(arguments, provider):
    name, *app, pid = arguments.server.split(",")
    origin = urllib.parse.urljoin(app[0], "/")
    return measure(Server(name, origin, "", [int(pid)]), App(*app), provider, address_of, PEOPLE, arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--program")
    what.add_argument("--server")
    what.add_argument("--metadata", type=Path)
    parser.add_argument("--passwords", action="store_true", help="people with a password instead of a connection")
    parser.add_argument("--hinted", action="store_true", help="the app says who is about to sign in (login_hint)")
    parser.add_argument("--known", action="store_true", help="everybody has signed in before in their browser")
    parser.add_argument("--key", type=Path, help="where the provider's key is kept from one call to the next")
    parser.add_argument("--database-url", help="another database than an SQLite file of the run's own; it has to be empty")
    parser.add_argument("--also", type=int, nargs="*", default=[], help="processes that count as the server, as PostgreSQL's")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--port-base", type=int, default=19000)
    parser.add_argument("--folder", type=Path, help="where the database lies")
    arguments = parser.parse_args()
    provider = Provider(arguments.key)
    if arguments.metadata:
        arguments.metadata.write_text(provider.metadata())
        return
    measured = measure_program(arguments, provider) if arguments.program else measure_server(arguments, provider)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
