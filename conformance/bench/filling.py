"""Fills a SCIM server with users and a group, and finds the cursors from which pages deep inside are read."""

import asyncio
import itertools
import json
import re
import urllib.error
import urllib.request

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# Members that one request adds: some servers bound a body, others a list.
MEMBERS_A_REQUEST = 100


def user(number):
    name, address = f"user{number:07}@acme.test", f"user{number:07}.mail@acme.test"
    return {"schemas": [USER_SCHEMA], "userName": name, "name": {"givenName": "Gina", "familyName": "Example"},
            "displayName": "Gina Example", "emails": [{"value": address, "type": "work", "primary": True}],
            "active": True}


async def create_users(server, count, connections):
    """Pushes users 1 to `count` over connections that are kept open; answers their ids in that order."""
    ids, numbers = [None] * count, iter(range(1, count + 1))

    async def worker():
        reader = writer = None
        for number in numbers:
            if writer is None:
                reader, writer = await asyncio.open_connection(server.address.hostname, server.address.port)
            status, body, is_last = await post(reader, writer, server, user(number))
            if status != 201:
                raise SystemExit(f"{server.name}: creating user {number} gave {status}: {body[:400]}")
            ids[number - 1] = json.loads(body)["id"]
            if is_last:
                writer.close()
                writer = None
        if writer:
            writer.close()

    await asyncio.gather(*[worker() for _ in range(connections)])
    return ids


async def post(reader, writer, server, document):
    data = json.dumps(document).encode()
    head = (f"POST {server.address.path}/Users HTTP/1.1\r\nHost: {server.address.netloc}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Type: application/scim+json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n")
    writer.write(head.encode() + data)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, length = int(answer.split(" ", 2)[1]), re.search(r"content-length: *(\d+)", answer, re.I)
    if length:
        body = await reader.readexactly(int(length.group(1)))
        is_last = answer.startswith("HTTP/1.0") or "connection: close" in answer.lower()
        return status, body, is_last
    if "transfer-encoding: chunked" in answer.lower():
        return status, await chunks(reader), "connection: close" in answer.lower()
    return status, await reader.read(), True


async def chunks(reader):
    body = b""
    while True:
        length = int((await reader.readline()).split(b";")[0], 16)
        body += await reader.readexactly(length)
        await reader.readexactly(2)
        if length == 0:
            return body


def call(server, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.base + path, method=method, data=data, headers={
        "Authorization": f"Bearer {server.token}", "Content-Type": "application/scim+json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
    except urllib.error.HTTPError as error:
        return error.code, {"detail": error.read()[:300].decode("utf-8", "replace")}


def create_group(server, members):
    """A group with these members, in as many requests as every server bears."""
    status, group = call(server, "POST", "/Groups", {"schemas": [GROUP_SCHEMA], "displayName": "Everybody"})
    if status != 201:
        raise SystemExit(f"{server.name}: creating the group gave {status}: {group}")
    for start in range(0, len(members), MEMBERS_A_REQUEST):
        value = [{"value": member} for member in members[start:start + MEMBERS_A_REQUEST]]
        change = {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "add", "path": "members", "value": value}]}
        status, answer = call(server, "PATCH", f"/Groups/{group['id']}?attributes=displayName", change)
        if status not in (200, 204):
            raise SystemExit(f"{server.name}: adding members gave {status}: {answer}")
    return group["id"]


def deep_cursors(server, users, count):
    """`count` cursors, evenly over the second half of all users: each begins a page deep inside."""
    size, found, cursor = 200, [], ""
    wanted = {int(users / 2 / size + step * users / 2 / size / (count + 1)) for step in range(1, count + 1)}
    for page in itertools.count(1):
        status, answer = call(server, "GET", f"/Users?count={size}&cursor={cursor}")
        cursor = answer.get("nextCursor")
        if status != 200 or not cursor:
            return found
        if page in wanted:
            found.append(cursor)
