-- What a connection does with somebody whom it has not brought before. A connection without a row here is older than the
-- table and links as it always did, by what its column match_by says.
CREATE TABLE connection_policies (
  connection_id BYTEA NOT NULL PRIMARY KEY REFERENCES connections (id),
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  linking TEXT NOT NULL,
  provisions BOOLEAN NOT NULL,
  default_role TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Groups at an identity provider that carry a role here, by a decision of the organization's administrators.
CREATE TABLE connection_roles (
  connection_id BYTEA NOT NULL REFERENCES connections (id),
  group_name TEXT NOT NULL,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  role TEXT NOT NULL,
  PRIMARY KEY (connection_id, group_name)
);

-- Which roles are carried for a member, and by what: groups that a directory has pushed ('group'), or a group that an
-- identity provider named at the last sign-in ('sign_in'). memberships.role is the highest of these and the one given.
CREATE TABLE carried_roles (
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  source TEXT NOT NULL,
  role TEXT NOT NULL,
  connection_id BYTEA REFERENCES connections (id),
  group_name TEXT,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, org_id, source)
);
CREATE INDEX carried_roles_connection ON carried_roles (connection_id, account_id) WHERE connection_id IS NOT NULL;

-- How people of a domain sign in: optional, test (a group), required. A domain without a row has no policy.
CREATE TABLE sso_policies (
  domain_id BYTEA NOT NULL PRIMARY KEY REFERENCES domains (id),
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  state TEXT NOT NULL,
  test_group BYTEA,
  updated_at BIGINT NOT NULL
);
CREATE INDEX sso_policies_org ON sso_policies (org_id, domain_id);

-- Who may sign in by their own credentials where single sign-on is required (decision Q18).
CREATE TABLE break_glass (
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, account_id)
);

-- What kind of organization it is, for the threshold of rule E31; corporate when nothing is said.
CREATE TABLE organization_kinds (
  org_id BYTEA NOT NULL PRIMARY KEY REFERENCES organizations (id),
  kind TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- How many people have an address in a domain (rule E12).
CREATE INDEX addresses_domain ON addresses (split_part(address, '@', 2)) WHERE is_primary;

-- What happened in an attempt to sign in through a connection, step by step, without secrets and with personal data masked:
-- one JSON object a line. slot is there of answers that no attempt waited for, of which one row in an hour is kept for each
-- connection and reason.
CREATE TABLE traces (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  connection_id BYTEA NOT NULL REFERENCES connections (id),
  attempt_id BYTEA,
  slot TEXT UNIQUE,
  outcome TEXT NOT NULL,
  code TEXT,
  step_count INTEGER NOT NULL,
  steps TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX traces_attempt ON traces (attempt_id, connection_id);
CREATE INDEX traces_org ON traces (org_id, id);
CREATE INDEX traces_connection ON traces (connection_id, id);

-- Which of several connections is offered first, and whom each lets through. Groups are ids of groups that a directory has
-- pushed, as a JSON list.
CREATE TABLE connection_routes (
  connection_id BYTEA NOT NULL PRIMARY KEY REFERENCES connections (id),
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  priority INTEGER NOT NULL,
  only_groups TEXT NOT NULL,
  except_groups TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX connection_routes_org ON connection_routes (org_id);

-- How many notices the administrators of an organization were sent in an hour.
CREATE TABLE notice_counts (
  org_id BYTEA NOT NULL PRIMARY KEY REFERENCES organizations (id),
  hour BIGINT NOT NULL,
  notices BIGINT NOT NULL
);

-- A person is asked by mail whether a subject of a connection is them. Bound to the connection, the subject and the account;
-- only the hash of the link's token is kept.
CREATE TABLE link_requests (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  connection_id BYTEA NOT NULL REFERENCES connections (id),
  subject TEXT NOT NULL,
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  state TEXT NOT NULL,
  token_hash BYTEA,
  asked_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX link_requests_token ON link_requests (token_hash) WHERE token_hash IS NOT NULL;
CREATE UNIQUE INDEX link_requests_subject ON link_requests (connection_id, subject, account_id);
CREATE INDEX link_requests_expiry ON link_requests (expires_at);
