#!/usr/bin/env python3
"""Puts load on an optimised build, or on any SCIM server, and prints a markdown table.

    run.py --program PATH [--users 10000] [--group 10000] [--seconds 10] [--connections 64] [--operations get,filter,...]
    run.py --server NAME,BASE,TOKEN,PID[,PID...] ...                 the same load on a server that runs already
    run.py --table FILE...                                           one table of the results that `--out` wrote

With --program it starts `causeway demo` (SQLite, synchronous=FULL, unless --database-url) on ports of its own. It pushes the users and a group
through SCIM, signs people in through the demo's OpenID provider to get refresh tokens, and runs wrk (requests.lua) once for
each operation. CPU and memory are read from /proc for the server's processes alone. Needs: wrk, and what `make demo` needs.
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
import urllib.request
from pathlib import Path

from filling import create_group, create_users, deep_cursors
from server import Server, listener
from signing_in import sign_in_many

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Requests per second at 10,000 users, 64 connections and two cores.
TARGETS = {"get": 12000, "filter": 10000, "email": 8000, "list": 400, "cursor": None, "active": 1500, "member": 2000,
           "create": 1500, "refresh": 1000}
NAMES = {"get": "get one user", "filter": "filter by userName", "email": "filter by e-mail", "list": "list of 100",
         "cursor": "page of 100 by cursor, deep inside", "active": "PATCH of active", "member": "PATCH of one member",
         "create": "create", "refresh": "refresh (ES256)"}
# One client asks for everything here, so that what an organization may ask for is out of the way.
LIMITS = {f"CAUSEWAY_LIMITS__SCIM_{name}": "1000000" for name in
          ["REQUESTS_PER_SECOND", "BURST", "ORGANIZATION_REQUESTS_PER_SECOND", "ORGANIZATION_BURST"]}
LIMITS["CAUSEWAY_LIMITS__SCIM_REQUESTS_AT_ONCE"] = "10000"
# How long a gateway is left alone before it counts as idle; its jobs have looked for work by then.
IDLE_SECONDS = 10
# Users who are in no group, to join and leave it.
SPARE = 500


def settings_of(arguments):
    """The environment of the gateway."""
    return {**os.environ, **LIMITS, **({"CAUSEWAY_DATABASE_URL": arguments.database_url} if arguments.database_url else {})}


def start_demo(arguments, folder):
    """Starts the demo and waits for the file that it writes when it is ready."""
    log = open(folder / "bench.log", "wb")
    packages = subprocess.check_output([ROOT / "conformance/setup/counterparties.sh"], text=True).strip()
    command = [arguments.program, "demo", "--packages", packages, "--dir", folder, "--port-base", str(arguments.port_base)]
    child = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=settings_of(arguments))
    ready, deadline = folder / "demo.json", time.monotonic() + 120
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the demo did not become ready:\n{(folder / 'bench.log').read_text()}")
        time.sleep(0.1)
    return child, json.loads(ready.read_text())


def idle_resident_mib(arguments, folder, url):
    """What a gateway holds that was started on the database of the run, and has been asked for nothing but its health."""
    command = [arguments.program, "--config", folder / "causeway.toml", "serve"]
    with open(folder / "idle.log", "wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=settings_of(arguments))
    try:
        deadline = time.monotonic() + 60
        while not is_ready(url):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the gateway did not start again:\n{(folder / 'idle.log').read_text()}")
            time.sleep(0.1)
        time.sleep(IDLE_SECONDS)
        return Server(arguments.name, url, None, [child.pid]).resident_mib()
    finally:
        child.terminate()
        child.wait(timeout=60)


def is_ready(url):
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wrk(operation, server, arguments, environment):
    """One run of one operation: what wrk reports."""
    command = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--timeout", "30s",
               "-s", HERE / "requests.lua", server.origin]
    answer = subprocess.run(command, capture_output=True, text=True,
                            env={**os.environ, "OPERATION": operation, "RUN": f"r{time.time_ns()}", **environment})
    sys.stderr.write(answer.stderr)
    found = re.search(r"^JSON (.*)$", answer.stdout, re.M)
    if not found:
        sys.exit(f"wrk did not finish: {answer.stdout}{answer.stderr}")
    return json.loads(found.group(1))


def measure(operation, server, arguments, environment):
    before = server.cpu_seconds()
    result = wrk(operation, server, arguments, environment)
    spent = server.cpu_seconds() - before
    result["per_second"] = result["requests"] / result["seconds"]
    result["cpu_us"] = spent * 1e6 / max(1, result["requests"])
    result["memory_mib"] = server.memory_mib()
    result["resident_mib"] = server.resident_mib()
    print(f"{server.name} {operation}: {result}", file=sys.stderr, flush=True)
    return result


def fill(server, folder, arguments, operations):
    """Users, a group, and the cursors; answers what the load needs and how long it took."""
    memory_mib, resident_mib = server.memory_mib(), server.resident_mib()
    began, spent = time.monotonic(), server.cpu_seconds()
    ids = asyncio.run(create_users(server, arguments.users + SPARE, arguments.fill_connections))
    seconds, spent = time.monotonic() - began, server.cpu_seconds() - spent
    (folder / "ids").write_text("\n".join(ids) + "\n")
    environment = {"TOKEN": server.token, "PATH_PREFIX": server.address.path, "IDS": str(folder / "ids"),
                   "USERS": str(arguments.users)}
    if "member" in operations:
        environment["GROUP"] = create_group(server, ids[:min(arguments.group, arguments.users)])
    if "cursor" in operations:
        cursors = deep_cursors(server, arguments.users, arguments.connections * 2)
        (folder / "cursors").write_text("".join(f"{cursor}\n" for cursor in cursors))
        environment["CURSORS"] = str(folder / "cursors")
    filled = {"users": len(ids), "per_second": len(ids) / seconds, "cpu_us": spent * 1e6 / len(ids),
              "memory_mib": memory_mib, "resident_mib": resident_mib}
    return environment, filled


def load(server, folder, arguments, operations, more=None):
    environment, filled = fill(server, folder, arguments, operations)
    environment.update(more(folder) if more else {})
    time.sleep(arguments.settle)
    results = {operation: measure(operation, server, arguments, environment) for operation in operations}
    return {"name": server.name, "users": arguments.users, "group": arguments.group, "seconds": arguments.seconds,
            "connections": arguments.connections, "filled": filled, "results": results}


def release_the_brake(url, organization):
    """Lets the load deactivate as many people as it does: otherwise most would wait for an administrator."""
    limit = json.dumps({"removals_per_hour": 1000000, "share_percent": 100}).encode()
    request = urllib.request.Request(f"{url}/api/v1/orgs/acme/removals/limit", method="PUT", data=limit, headers={
        "Authorization": f"Bearer {organization['admin_token']}", "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()


def load_program(arguments, operations):
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = Path(folder)
        child, demo = start_demo(arguments, folder)
        acme, app, url = demo["orgs"]["acme"], demo["apps"]["sample"], demo["dcs"]["us"]["url"]
        pids = [listener(urllib.parse.urlsplit(url).port), *arguments.also]
        server = Server(arguments.name, acme["scim"]["base"], acme["scim"]["token"], pids)

        release_the_brake(url, acme)

        def refresh_tokens(folder):
            person = next(one for one in demo["people"] if one["idp"] == "oidc")
            person = {**person, "connection": acme["connections"]["oidc"]["id"]}
            tokens = sign_in_many(url, app, person, arguments.connections * 2)
            (folder / "refresh").write_text("\n".join(tokens) + "\n")
            client = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
            return {"CLIENT": client, "REFRESH": str(folder / "refresh")}

        try:
            result = load(server, folder, arguments, operations, refresh_tokens if "refresh" in operations else None)
        finally:
            child.terminate()
            child.wait(timeout=60)
        return {**result, "idle_resident_mib": idle_resident_mib(arguments, folder, url)}


def load_server(text, arguments, operations):
    name, base, token, *pids = text.split(",")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        return load(Server(name, base, token, [int(pid) for pid in pids]), Path(folder), arguments, operations)


def table(runs):
    lines = ["| server | users | operation | requests/s | target | p50 ms | p99 ms | server CPU µs/request | memory MiB | "
             "wrong answers |", "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|"]
    for run in runs:
        for operation, result in run["results"].items():
            lines.append(f"| {run['name']} | {run['users']:,} | {NAMES[operation]} | {result['per_second']:,.0f} | "
                         f"{TARGETS[operation] or ''} | {result['p50_ms']:.1f} | {result['p99_ms']:.1f} | "
                         f"{result['cpu_us']:.0f} | {result['memory_mib']:.0f} | {result['wrong'] + result['errors']} |")
    for run in runs:
        filled = run["filled"]
        lines += ["", f"{run['name']}: {run['connections']} connections, {run['seconds']} s each, load and server on the same "
                  f"{os.cpu_count()} cores. {filled['users']:,} users pushed at {filled['per_second']:,.0f}/s and "
                  f"{filled['cpu_us']:.0f} µs of CPU each; memory before {filled['memory_mib']:.0f} MiB; resident, with what processes share counted for each, "
                  f"{filled['resident_mib']:.0f} MiB before and "
                  f"{max(result['resident_mib'] for result in run['results'].values()):.0f} MiB at most after."]
        if "idle_resident_mib" in run:
            lines[-1] += f" Started again on that database and left alone: {run['idle_resident_mib']:.0f} MiB resident."
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--program")
    what.add_argument("--server", action="append")
    what.add_argument("--table", nargs="+", type=Path)
    parser.add_argument("--name", default="causeway", help="what the program is called in the table")
    parser.add_argument("--database-url", help="another database than an SQLite file of the run's own; it has to be empty")
    parser.add_argument("--also", type=int, nargs="*", default=[], help="processes that count as the server, as PostgreSQL's")
    parser.add_argument("--users", type=int, default=10000)
    parser.add_argument("--group", type=int, default=10000, help="members of the group of `member`")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--fill-connections", type=int, default=64)
    parser.add_argument("--settle", type=int, default=0,
                        help="seconds between filling and measuring; PostgreSQL takes its statistics within a minute")
    parser.add_argument("--operations", help="which, by their names in requests.lua")
    parser.add_argument("--port-base", type=int, default=19000)
    parser.add_argument("--folder", type=Path, help="where the database lies; its disk decides what a commit costs")
    parser.add_argument("--out", type=Path, help="the results as JSON, for --table")
    arguments = parser.parse_args()
    if arguments.table:
        runs = [run for file in arguments.table for run in json.loads(file.read_text())]
    else:
        known = [name for name in TARGETS if arguments.program or name not in ("refresh", "cursor")]
        operations = arguments.operations.split(",") if arguments.operations else known
        if arguments.program:
            runs = [load_program(arguments, operations)]
        else:
            runs = [load_server(text, arguments, operations) for text in arguments.server]
        if arguments.out:
            arguments.out.write_text(json.dumps(runs))
    print(table(runs))


if __name__ == "__main__":
    main()
