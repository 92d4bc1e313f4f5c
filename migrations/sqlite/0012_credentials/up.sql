-- A session of somebody who signed in with a password of their own came through no connection. Taking NOT NULL away
-- changes no row, so the table's text is changed, as SQLite's documents describe for this very case (ALTER TABLE,
-- section 7); a copy of the table would end every grant that rests on it. What follows moves the schema's version on.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
  SET sql = replace(sql, 'connection_id BLOB NOT NULL REFERENCES connections', 'connection_id BLOB REFERENCES connections')
  WHERE type = 'table' AND name = 'sessions';
PRAGMA writable_schema = RESET;

-- The hash of a person's password, sealed.
CREATE TABLE passwords (
  account_id BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
  sealed_hash BLOB NOT NULL,
  set_at BIGINT NOT NULL
) WITHOUT ROWID;

-- Links by which a person shows that a mailbox is theirs, to choose a password or to confirm an address. The account is
-- found when the mail is made, so that asking is the same for an address that nobody has.
CREATE TABLE mail_proofs (
  id BLOB NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL,
  address TEXT NOT NULL,
  account_id BLOB REFERENCES accounts (id) ON DELETE CASCADE,
  token_hash BLOB,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX mail_proofs_token ON mail_proofs (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX mail_proofs_account ON mail_proofs (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX mail_proofs_expiry ON mail_proofs (expires_at);

-- Browsers in which a person has signed in before.
CREATE TABLE devices (
  account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  token_hash BLOB NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, token_hash)
) WITHOUT ROWID;
CREATE INDEX devices_expiry ON devices (expires_at);

-- An address that was a person's, until they were told there that it no longer is.
CREATE TABLE former_addresses (
  id BLOB NOT NULL PRIMARY KEY,
  account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX former_addresses_account ON former_addresses (account_id);
CREATE INDEX former_addresses_expiry ON former_addresses (expires_at);
