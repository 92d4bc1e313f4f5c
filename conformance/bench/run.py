#!/usr/bin/env python3
"""Puts load on an optimised build and prints a markdown table.

    run.py --program PATH [--users 10000] [--seconds 10] [--connections 64] [--folder DIR] [--out FILE]

Starts `causeway demo` (SQLite, synchronous=FULL) on ports of its own, pushes the users through SCIM, signs people in
through the demo's OpenID provider to get refresh tokens, and runs wrk (requests.lua) once for each operation. Server CPU
and memory are read from /proc for the gateway's process alone. Needs: wrk, and what `make demo` needs.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from load import Gateway, create_users, sign_in_many

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGETS = {"get": 8000, "filter": 6000, "create": 1500, "refresh": 1000}
NAMES = {"get": "SCIM: get one user", "filter": "SCIM: filter by userName", "create": "SCIM: create",
         "refresh": "OpenID: refresh (ES256)"}


def start_demo(program, folder, port_base):
    """Starts the demo and waits for the file that it writes when it is ready."""
    log = open(folder / "bench.log", "wb")
    packages = subprocess.check_output([ROOT / "conformance/setup/counterparties.sh"], text=True).strip()
    command = [program, "demo", "--packages", packages, "--dir", folder, "--port-base", str(port_base)]
    child = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
    ready, deadline = folder / "demo.json", time.monotonic() + 120
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the demo did not become ready:\n{(folder / 'bench.log').read_text()}")
        time.sleep(0.1)
    return child, json.loads(ready.read_text())


def wrk(operation, base, arguments, environment):
    """One run of one operation: what wrk reports."""
    command = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "-s", HERE / "requests.lua", base]
    answer = subprocess.run(command, capture_output=True, text=True,
                            env={**os.environ, "OPERATION": operation, "RUN": f"r{time.time_ns()}", **environment})
    found = re.search(r"^JSON (.*)$", answer.stdout, re.M)
    if not found:
        sys.exit(f"wrk did not finish: {answer.stdout}{answer.stderr}")
    return json.loads(found.group(1))


def measure(operation, gateway, base, arguments, environment):
    before = gateway.cpu_seconds()
    result = wrk(operation, base, arguments, environment)
    spent = gateway.cpu_seconds() - before
    result["per_second"] = result["requests"] / result["seconds"]
    result["cpu_us"] = spent * 1e6 / max(1, result["requests"])
    result["memory_mib"] = gateway.memory_mib()
    print(f"{operation}: {result}", file=sys.stderr, flush=True)
    return result


def table(results, idle_mib, preload, arguments):
    lines = [
        f"{arguments.users} users, {arguments.connections} connections, {arguments.seconds} s each, load and server on the same "
        f"{os.cpu_count()} cores, SQLite at `synchronous=FULL`. Idle memory {idle_mib:.0f} MiB; "
        f"{preload['users']} users pushed at {preload['per_second']:.0f}/s.", "",
        "| Operation | requests/s | target | p50 ms | p99 ms | server CPU µs/request | memory MiB | wrong answers |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for operation, result in results.items():
        wrong = result["wrong"] + result["errors"]
        lines.append(f"| {NAMES[operation]} | {result['per_second']:.0f} | {TARGETS[operation]} | {result['p50_ms']:.1f} | "
                     f"{result['p99_ms']:.1f} | {result['cpu_us']:.0f} | {result['memory_mib']:.0f} | {wrong} |")
    return "\n".join(lines) + "\n"


def run(demo, folder, arguments):
    acme, app = demo["orgs"]["acme"], demo["apps"]["sample"]
    gateway = Gateway(demo["dcs"]["us"]["url"])
    idle_mib = gateway.memory_mib()
    scim, token = acme["scim"]["base"], acme["scim"]["token"]

    began = time.monotonic()
    ids = asyncio.run(create_users(scim, token, arguments.users, arguments.connections))
    preload = {"users": len(ids), "per_second": len(ids) / (time.monotonic() - began)}
    (folder / "ids").write_text("\n".join(ids) + "\n")

    person = next(one for one in demo["people"] if one["idp"] == "oidc")
    person = {**person, "connection": acme["connections"]["oidc"]["id"]}
    tokens = sign_in_many(gateway.url, app, person, arguments.connections * 2)
    (folder / "refresh").write_text("\n".join(tokens) + "\n")

    client = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    environment = {"TOKEN": token, "PATH_PREFIX": urllib.parse.urlsplit(scim).path, "CLIENT": client,
                   "IDS": str(folder / "ids"), "REFRESH": str(folder / "refresh")}
    results = {operation: measure(operation, gateway, gateway.url, arguments, environment) for operation in TARGETS}
    return table(results, idle_mib, preload, arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--users", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--port-base", type=int, default=19000)
    parser.add_argument("--folder", type=Path, help="where the database lies; its disk decides what a commit costs")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        child, demo = start_demo(arguments.program, Path(folder), arguments.port_base)
        try:
            text = run(demo, Path(folder), arguments)
        finally:
            child.terminate()
            child.wait(timeout=30)
    print(text)
    if arguments.out:
        arguments.out.write_text(text)


if __name__ == "__main__":
    main()
