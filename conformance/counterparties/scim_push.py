"""Pushes an enterprise's users and groups with an unmodified SCIM client (PyPI scim2-client), which checks every answer
against the schemas that the server publishes.

    scim_push.py --base URL --token TOKEN push --people FILE [--groups FILE]
    scim_push.py --base URL --token TOKEN exercise --users 200 --groups 10 --domain acme.test
    scim_push.py --base URL --token TOKEN set-active EMAIL true|false

FILE of people: [{"email", "name", "given_name", "family_name"}]; of groups: [{"name", "members": [email]}].
`exercise` creates that many, then reads, filters, patches and deletes, and compares each answer. Each command prints one
line of JSON and ends with 1 when an answer was not as it should be.
"""

import argparse
import json
import sys
from pathlib import Path

import email_validator
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_client.errors import SCIMClientException
from scim2_models import PatchOp, PatchOperation, SCIMException, SearchRequest

# The client refuses addresses under .test (RFC 6761) unless its validator is told that this is a test.
email_validator.TEST_ENVIRONMENT = True


class Push:
    """One connection of a SCIM client to one organization."""

    def __init__(self, base, token):
        http = Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self.scim = SyncSCIMClient(http, raise_scim_errors=True)
        self.scim.discover()
        self.User, self.Group = self.scim.get_resource_model("User"), self.scim.get_resource_model("Group")

    def create_user(self, person):
        return self.scim.create(self.User.model_validate({
            "userName": person["email"], "externalId": person.get("external_id"), "displayName": person.get("name"),
            "name": {"givenName": person.get("given_name"), "familyName": person.get("family_name")},
            "emails": [{"value": person["email"], "type": "work", "primary": True}], "active": True}))

    def create_group(self, name, members):
        return self.scim.create(self.Group.model_validate(
            {"displayName": name, "members": [{"value": user.id} for user in members]}))

    def find_users(self, filter_text, **options):
        return self.scim.query(self.User, query_parameters=SearchRequest(filter=filter_text, **options))

    def find_user(self, email):
        found = self.find_users(f'userName eq "{email}"')
        if found.total_results != 1:
            raise Wrong(f"{found.total_results} users have the userName {email}")
        return found.resources[0]

    def patch(self, resource, *operations):
        """Applies operations and answers what the server holds afterwards."""
        kind = type(resource)
        self.scim.modify(kind, resource.id, PatchOp[kind](operations=[
            PatchOperation[kind](op=op, path=path, value=value) for op, path, value in operations]))
        return self.scim.query(kind, resource.id)


class Wrong(Exception):
    """An answer was not as it should be."""


def expect(is_so, what):
    if not is_so:
        raise Wrong(what)


def push(client, arguments):
    people = json.loads(arguments.people.read_text())
    users = {person["email"]: client.create_user(person) for person in people}
    groups = json.loads(arguments.groups.read_text()) if arguments.groups else []
    for group in groups:
        client.create_group(group["name"], [users[email] for email in group["members"]])
    return {"users": {email: user.id for email, user in users.items()}, "groups": len(groups)}


def set_active(client, arguments):
    user = client.find_user(arguments.email)
    user = client.patch(user, ("replace", "active", arguments.active == "true"))
    expect(user.active == (arguments.active == "true"), f"active is {user.active}")
    return {"id": user.id, "active": user.active}


def exercise(client, arguments):
    people = [{
        "email": f"user{number:04}@{arguments.domain}", "name": f"Given{number} Family{number}",
        "given_name": f"Given{number}", "family_name": f"Family{number}", "external_id": f"ext-{number}",
    } for number in range(arguments.users)]
    users = [client.create_user(person) for person in people]
    size = arguments.users // arguments.groups
    groups = [client.create_group(f"Team {number:02}", users[number * size:(number + 1) * size])
              for number in range(arguments.groups)]
    check_reading(client, people, users)
    check_filters(client, people, users)
    check_patches(client, users, groups, size)
    check_refusals(client, people)
    check_deletes(client, users, groups)
    return {"users": len(users) - 1, "groups": len(groups) - 1}


def check_reading(client, people, users):
    ids = {user.id for user in users}
    expect(len(ids) == len(people) and None not in ids, "every user has an id of its own")
    read = client.scim.query(client.User, users[0].id)
    expect(read.user_name == people[0]["email"] and read.name.family_name == "Family0", f"read back: {read}")
    seen, start = set(), 1
    while True:
        answer = client.scim.query(client.User, query_parameters=SearchRequest(start_index=start, count=50))
        page = answer.resources or []
        if not page:
            break
        seen.update(user.id for user in page)
        start += len(page)
    expect(ids <= seen and answer.total_results == len(seen), f"{len(seen)} users in the pages of {answer.total_results}")


def check_filters(client, people, users):
    last = len(users) - 1
    wanted = {
        f'userName eq "{people[last]["email"].upper()}"': 1,
        f'externalId eq "ext-{last}"': 1,
        'externalId eq "no-such-thing"': 0,
        f'emails[type eq "work" and value eq "{people[3]["email"]}"]': 1,
        'userName sw "user000"': min(10, len(users)),
        f'name.familyName co "amily{last}" and active eq true': 1,
        'not (userName sw "user") and active eq true': 0,
        f'userName eq "{people[0]["email"]}" or userName eq "{people[1]["email"]}"': 2,
    }
    for text, count in wanted.items():
        expect(client.find_users(text).total_results == count, f"{text} finds {client.find_users(text).total_results}")


def check_patches(client, users, groups, size):
    user = client.patch(users[1], ("replace", "displayName", "Renamed"), ("add", "title", "Engineer"))
    expect((user.display_name, user.title) == ("Renamed", "Engineer"), f"patched: {user}")
    user = client.patch(user, ("remove", "title", None))
    expect(user.title is None, "the title is gone")
    user.name.family_name = "Replaced"
    replaced = client.scim.replace(user)
    expect(replaced.name.family_name == "Replaced", f"replaced: {replaced}")
    group = client.patch(groups[0], ("add", "members", [{"value": users[-1].id}]))
    expect(len(group.members) == size + 1, f"{len(group.members)} members after adding one to {size}")
    group = client.patch(group, ("remove", f'members[value eq "{users[-1].id}"]', None))
    expect(users[-1].id not in {member.value for member in group.members}, "the member is gone")
    expect(len(group.members) == size, f"{len(group.members)} members after removing one")


def check_refusals(client, people):
    refusals = {
        "uniqueness": lambda: client.create_user(people[0]),
        "invalidFilter": lambda: client.scim.query(
            client.User, query_parameters={"filter": "userName eq"}, check_request_payload=False),
    }
    for kind, attempt in refusals.items():
        try:
            attempt()
        except SCIMException as refusal:
            expect(refusal.scim_type == kind, f"refused as {refusal.scim_type}, not as {kind}")
        else:
            raise Wrong(f"not refused: {kind}")


def check_deletes(client, users, groups):
    client.scim.delete(client.Group, groups[-1].id)
    client.scim.delete(client.User, users[-1].id)
    expect(client.find_users(f'externalId eq "ext-{len(users) - 1}"').total_results == 0, "a deleted user is not found")
    try:
        client.scim.query(client.User, users[-1].id)
    except SCIMException as refusal:
        expect(int(refusal.status) == 404, f"a deleted user answers {refusal.status}")
    else:
        raise Wrong("a deleted user can be read")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--token", required=True)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("push")
    one.add_argument("--people", type=Path, required=True)
    one.add_argument("--groups", type=Path)
    one.set_defaults(run=push)
    two = commands.add_parser("exercise")
    two.add_argument("--users", type=int, default=200)
    two.add_argument("--groups", type=int, default=10)
    two.add_argument("--domain", default="acme.test")
    two.set_defaults(run=exercise)
    three = commands.add_parser("set-active")
    three.add_argument("email")
    three.add_argument("active", choices=["true", "false"])
    three.set_defaults(run=set_active)
    arguments = parser.parse_args()
    try:
        print(json.dumps(arguments.run(Push(arguments.base, arguments.token), arguments)))
    except (Wrong, SCIMException, SCIMClientException) as reason:
        print(json.dumps({"wrong": f"{type(reason).__name__}: {reason}"}))
        sys.exit(1)


if __name__ == "__main__":
    main()
