-- The authenticator app of a person: its secret, sealed, and the step of the last code that was used.
CREATE TABLE totp_factors (
  account_id BYTEA NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
  sealed_secret BYTEA NOT NULL,
  last_step BIGINT NOT NULL,
  confirmed_at BIGINT NOT NULL
);

-- Codes for when the app is gone, each good once. Kept as hashes.
CREATE TABLE recovery_codes (
  account_id BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  code_hash BYTEA NOT NULL,
  made_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, code_hash)
);

-- What an organization asks of its own members who sign in with a password. An organization without a row asks for nothing.
CREATE TABLE mfa_policies (
  org_id BYTEA NOT NULL PRIMARY KEY REFERENCES organizations (id),
  state TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
