-- Ids are UUID version 7 in 16 bytes; instants are microseconds since the Unix epoch, UTC; JSON is text.
-- Columns named *_folded hold the form of decision Q32 and are compared byte by byte.

CREATE TABLE organizations (
  id BYTEA NOT NULL PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  support_name TEXT NOT NULL,
  support_email TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- A person's account at this data center. kind, home_dc, home_epoch and version are what data centers agree on;
-- session_epoch moves when everything that was signed in with this account has to end.
CREATE TABLE accounts (
  id BYTEA NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  ownership TEXT NOT NULL,
  state TEXT NOT NULL,
  home_dc TEXT NOT NULL,
  home_epoch BIGINT NOT NULL,
  version BIGINT NOT NULL,
  session_epoch BIGINT NOT NULL,
  display_name TEXT,
  given_name TEXT,
  family_name TEXT,
  locale TEXT,
  zoneinfo TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- An address is verified when its mailbox or its domain's owner has vouched for it; a verified one has one holder.
CREATE TABLE addresses (
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  is_primary BOOLEAN NOT NULL,
  verified_at BIGINT,
  PRIMARY KEY (account_id, address)
);
CREATE INDEX addresses_address ON addresses (address);
CREATE UNIQUE INDEX addresses_verified ON addresses (address) WHERE verified_at IS NOT NULL;

CREATE TABLE memberships (
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL,
  role TEXT NOT NULL,
  invite_state TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, org_id)
);
-- Rule B8: a person is a member of at most one organization.
CREATE UNIQUE INDEX memberships_one_member ON memberships (account_id) WHERE kind = 'member';
CREATE INDEX memberships_administrators ON memberships (org_id) WHERE role <> 'member';

CREATE TABLE connections (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  protocol TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  settings TEXT NOT NULL,
  sealed_secret BYTEA,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX connections_org ON connections (org_id, id);

-- Invariant 13: the key of an external identity is (connection, subject), never an address.
CREATE TABLE identities (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  connection_id BYTEA NOT NULL REFERENCES connections (id),
  subject TEXT NOT NULL,
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  last_sign_in_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_subject ON identities (connection_id, subject);
-- An account is known to a connection under one subject.
CREATE UNIQUE INDEX identities_connection_account ON identities (connection_id, account_id);
CREATE INDEX identities_account ON identities (account_id);

CREATE TABLE domains (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  challenge TEXT NOT NULL,
  challenge_expires_at BIGINT NOT NULL,
  verified_at BIGINT,
  last_checked_at BIGINT,
  last_failure TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX domains_org ON domains (org_id, id);
CREATE UNIQUE INDEX domains_claim ON domains (org_id, name) WHERE state <> 'released';
-- Decision Q14: one active owner of a domain.
CREATE UNIQUE INDEX domains_owner ON domains (name) WHERE state IN ('verified', 'managed', 'at_risk', 'disputed');

CREATE TABLE admin_tokens (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA REFERENCES organizations (id),
  account_id BYTEA REFERENCES accounts (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  token_hash BYTEA NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX admin_tokens_org ON admin_tokens (org_id, id);

CREATE TABLE scim_clients (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  profile TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX scim_clients_org ON scim_clients (org_id, id);

CREATE TABLE scim_credentials (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  client_id BYTEA NOT NULL REFERENCES scim_clients (id) ON DELETE CASCADE,
  token_hash BYTEA NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX scim_credentials_client ON scim_credentials (client_id, id);

-- A SCIM user or group as one organization sees it. k is the narrow key that the value and member rows carry.
CREATE TABLE resources (
  k BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id BYTEA NOT NULL UNIQUE,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  client_id BYTEA REFERENCES scim_clients (id),
  kind TEXT NOT NULL,
  account_id BYTEA REFERENCES accounts (id),
  user_name_folded TEXT COLLATE "C",
  external_id TEXT COLLATE "C",
  display TEXT,
  display_folded TEXT COLLATE "C",
  active BOOLEAN,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX resources_user_name ON resources (org_id, user_name_folded) WHERE user_name_folded IS NOT NULL;
CREATE UNIQUE INDEX resources_account ON resources (account_id, org_id) WHERE account_id IS NOT NULL;
CREATE INDEX resources_external_id ON resources (org_id, external_id, kind) WHERE external_id IS NOT NULL;
CREATE INDEX resources_display ON resources (org_id, display_folded, kind) WHERE display_folded IS NOT NULL;
CREATE INDEX resources_order ON resources (org_id, kind, k);

CREATE TABLE resource_docs (
  k BIGINT NOT NULL PRIMARY KEY REFERENCES resources (k) ON DELETE CASCADE,
  document TEXT NOT NULL
);

-- One row per searchable value: path such as "emails.value", the element of the array it stands in, and beside it
-- the element's type and primary flag, so that a complex filter is one probe of the same row. value is the form in
-- which values are compared; what is past its first 400 characters stands in tail, so that the index stays narrow.
CREATE TABLE resource_values (
  k BIGINT NOT NULL REFERENCES resources (k) ON DELETE CASCADE,
  path TEXT COLLATE "C" NOT NULL,
  element INTEGER NOT NULL,
  org_id BYTEA NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  tail TEXT COLLATE "C",
  element_type TEXT COLLATE "C",
  element_primary BOOLEAN,
  PRIMARY KEY (k, path, element)
);
CREATE INDEX resource_values_lookup ON resource_values (org_id, path, value, k);

CREATE TABLE members (
  group_k BIGINT NOT NULL REFERENCES resources (k) ON DELETE CASCADE,
  member_k BIGINT NOT NULL REFERENCES resources (k) ON DELETE CASCADE,
  org_id BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (group_k, member_k)
);
CREATE INDEX members_member ON members (member_k, group_k);

CREATE TABLE applications (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA REFERENCES organizations (id),
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  secret_hash BYTEA,
  id_token_algorithm TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX applications_org ON applications (org_id, id);

CREATE TABLE application_uris (
  application_id BYTEA NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  purpose TEXT NOT NULL,
  uri TEXT NOT NULL,
  PRIMARY KEY (application_id, purpose, uri)
);

-- One sign-in of one browser, from the application's request to the authorization code.
CREATE TABLE attempts (
  id BYTEA NOT NULL PRIMARY KEY,
  application_id BYTEA NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  binding_hash BYTEA NOT NULL,
  state TEXT NOT NULL,
  request TEXT NOT NULL,
  address TEXT,
  connection_id BYTEA REFERENCES connections (id),
  upstream_hash BYTEA UNIQUE,
  upstream TEXT,
  arrival_hash BYTEA,
  outcome TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_expiry ON attempts (expires_at);

-- Assertions that were accepted once, kept until they could not be accepted anyway.
CREATE TABLE consumed_assertions (
  connection_id BYTEA NOT NULL REFERENCES connections (id),
  assertion_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (connection_id, assertion_id)
);
CREATE INDEX consumed_assertions_expiry ON consumed_assertions (expires_at);

CREATE TABLE sessions (
  id BYTEA NOT NULL PRIMARY KEY,
  token_hash BYTEA NOT NULL UNIQUE,
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  connection_id BYTEA NOT NULL REFERENCES connections (id),
  session_epoch BIGINT NOT NULL,
  amr TEXT NOT NULL,
  acr TEXT NOT NULL,
  auth_time BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX sessions_account ON sessions (account_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- What an account allowed an application, in one session.
CREATE TABLE grants (
  id BYTEA NOT NULL PRIMARY KEY,
  application_id BYTEA NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  session_id BYTEA NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  session_epoch BIGINT NOT NULL,
  scope TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_account ON grants (account_id, id);
CREATE INDEX grants_expiry ON grants (expires_at);

CREATE TABLE authorization_codes (
  code_hash BYTEA NOT NULL PRIMARY KEY,
  grant_id BYTEA NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  redirect_uri TEXT NOT NULL,
  nonce TEXT,
  code_challenge TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_at BIGINT
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
  token_hash BYTEA NOT NULL PRIMARY KEY,
  grant_id BYTEA NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_at BIGINT
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE signing_keys (
  id BYTEA NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL,
  state TEXT NOT NULL,
  sealed_private BYTEA NOT NULL,
  public TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  activated_at BIGINT,
  retired_at BIGINT
);
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (purpose) WHERE state = 'active';

CREATE TABLE audit_entries (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  detail TEXT NOT NULL,
  request_id BYTEA NOT NULL
);
CREATE INDEX audit_entries_org ON audit_entries (org_id, id);

-- Events that were written with their change and wait to be handed on.
CREATE TABLE outbox (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA,
  event TEXT NOT NULL,
  payload TEXT NOT NULL,
  at BIGINT NOT NULL
);

CREATE TABLE jobs (
  id BYTEA NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  slot TEXT,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  run_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  leased_until BIGINT,
  last_error TEXT,
  created_at BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'waiting';
-- A recurring job waits in its slot, and a slot holds one.
CREATE UNIQUE INDEX jobs_slot ON jobs (slot) WHERE slot IS NOT NULL;
