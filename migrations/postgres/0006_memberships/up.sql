-- Rule E30: a person whose address lies in no domain of the organization confirms the mailbox before the account can be
-- used. The link of the mail is bound to the address and the organization; only the hash of its token is kept.
CREATE TABLE activations (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  state TEXT NOT NULL,
  token_hash BYTEA,
  created_at BIGINT NOT NULL,
  asked_at BIGINT NOT NULL,
  sent_at BIGINT,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX activations_token ON activations (token_hash) WHERE token_hash IS NOT NULL;
CREATE UNIQUE INDEX activations_open ON activations (account_id, org_id) WHERE state = 'open';
CREATE INDEX activations_account ON activations (account_id);
CREATE INDEX activations_org ON activations (org_id, id);
CREATE INDEX activations_expiry ON activations (expires_at);

-- Who has not joined yet, for the day on which the organization verifies their domain.
CREATE INDEX memberships_pending ON memberships (org_id, account_id) WHERE invite_state <> 'joined';

-- What of a SCIM user is compared with what the provider says of a subject that is seen for the first time: the e-mail
-- address when nothing is said here; and under which name the provider says it: the subject itself when there is none.
ALTER TABLE connections ADD COLUMN match_by TEXT;
ALTER TABLE connections ADD COLUMN match_claim TEXT;

-- Rule E33 and decision Q25: a user whom a directory has pushed and who has an account outside the organization. There is
-- no second account; the user shows that they have not joined until the case is closed.
CREATE TABLE cases (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  resource_id BYTEA NOT NULL,
  address TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  is_access_asked BOOLEAN NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT
);
CREATE UNIQUE INDEX cases_open ON cases (resource_id) WHERE state = 'detected';
CREATE INDEX cases_org ON cases (org_id, id);
CREATE INDEX cases_waiting ON cases (id) WHERE state = 'detected';

-- Decision Q33: a provisioning client that removes very many people waits for a human. Removals are counted by the minute,
-- each minute in several rows. In a rejected brake the list says whose removal was rejected.
CREATE TABLE removal_counts (
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  minute BIGINT NOT NULL,
  shard INTEGER NOT NULL,
  removals BIGINT NOT NULL,
  PRIMARY KEY (org_id, minute, shard)
);
CREATE INDEX removal_counts_minute ON removal_counts (minute);

CREATE TABLE brakes (
  org_id BYTEA NOT NULL PRIMARY KEY REFERENCES organizations (id),
  state TEXT NOT NULL,
  removals_per_hour BIGINT,
  share_percent BIGINT,
  opened_at BIGINT,
  client_id BYTEA,
  until BIGINT,
  active BIGINT,
  active_at BIGINT
);

CREATE TABLE held_removals (
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  resource_id BYTEA NOT NULL,
  client_id BYTEA NOT NULL,
  kind TEXT NOT NULL,
  held_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, resource_id)
);

-- What becomes of a POST for somebody who is there already; the profile's default when nothing is said.
ALTER TABLE scim_clients ADD COLUMN reprovisioning TEXT;

-- Groups that carry a role, by a decision of the organization's administrators.
CREATE TABLE group_roles (
  group_k BIGINT NOT NULL PRIMARY KEY REFERENCES resources (k) ON DELETE CASCADE,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX group_roles_org ON group_roles (org_id, group_k);
-- The role that a person was given, while a group carries another one for them; role is the one that counts.
ALTER TABLE memberships ADD COLUMN direct_role TEXT;
CREATE INDEX memberships_carried ON memberships (org_id, account_id) WHERE direct_role IS NOT NULL;
