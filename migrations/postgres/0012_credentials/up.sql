-- A session of somebody who signed in with a password of their own came through no connection.
ALTER TABLE sessions ALTER COLUMN connection_id DROP NOT NULL;

-- The hash of a person's password, sealed.
CREATE TABLE passwords (
  account_id BYTEA NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
  sealed_hash BYTEA NOT NULL,
  set_at BIGINT NOT NULL
);

-- Links by which a person shows that a mailbox is theirs, to choose a password or to confirm an address. The account is
-- found when the mail is made, so that asking is the same for an address that nobody has.
CREATE TABLE mail_proofs (
  id BYTEA NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL,
  address TEXT NOT NULL,
  account_id BYTEA REFERENCES accounts (id) ON DELETE CASCADE,
  token_hash BYTEA,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX mail_proofs_token ON mail_proofs (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX mail_proofs_account ON mail_proofs (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX mail_proofs_expiry ON mail_proofs (expires_at);

-- Browsers in which a person has signed in before.
CREATE TABLE devices (
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  token_hash BYTEA NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX devices_expiry ON devices (expires_at);

-- An address that was a person's, until they were told there that it no longer is.
CREATE TABLE former_addresses (
  id BYTEA NOT NULL PRIMARY KEY,
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX former_addresses_account ON former_addresses (account_id);
CREATE INDEX former_addresses_expiry ON former_addresses (expires_at);
