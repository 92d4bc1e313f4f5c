-- Passkeys of people: what the gateway keeps of each, which is public, and since when it lets somebody in without a password.
CREATE TABLE passkeys (
  id BYTEA NOT NULL PRIMARY KEY,
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  credential_id BYTEA NOT NULL,
  credential TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  confirmed_at BIGINT NOT NULL,
  last_used_at BIGINT,
  wrong_codes BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_account ON passkeys (account_id);

-- What a browser was asked to answer by a passkey: one at a time for each purpose in an attempt or a session, each good once.
CREATE TABLE passkey_challenges (
  place_id BYTEA NOT NULL,
  purpose TEXT NOT NULL,
  account_id BYTEA REFERENCES accounts (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  name TEXT,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (place_id, purpose)
);
CREATE INDEX passkey_challenges_account ON passkey_challenges (account_id);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
