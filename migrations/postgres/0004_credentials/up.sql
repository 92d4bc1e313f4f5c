-- A credential is of one of several kinds. One that is proved with a key has no secret: its own id stands in token_hash,
-- 16 bytes, which is the SHA-256 of nothing.
ALTER TABLE scim_credentials ADD COLUMN kind TEXT NOT NULL DEFAULT 'bearer';
ALTER TABLE scim_credentials ADD COLUMN scope TEXT NOT NULL DEFAULT 'write';
-- Whose signature is believed, and what it must say; JSON.
ALTER TABLE scim_credentials ADD COLUMN trust TEXT;
-- The nearest end that the administrators were warned of, in days, and when.
ALTER TABLE scim_credentials ADD COLUMN warned_days INTEGER;
ALTER TABLE scim_credentials ADD COLUMN warned_at BIGINT;
CREATE INDEX scim_credentials_expiry ON scim_credentials (expires_at) WHERE revoked_at IS NULL;

-- What the token endpoint gave for a credential. It is dead as soon as the credential or the client is.
CREATE TABLE scim_access_tokens (
  token_hash BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  credential_id BYTEA NOT NULL REFERENCES scim_credentials (id) ON DELETE CASCADE,
  scope TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX scim_access_tokens_credential ON scim_access_tokens (credential_id, created_at);
CREATE INDEX scim_access_tokens_expiry ON scim_access_tokens (expires_at);

-- Client assertions that were accepted once, kept until they could not be accepted anyway.
CREATE TABLE consumed_client_assertions (
  credential_id BYTEA NOT NULL REFERENCES scim_credentials (id) ON DELETE CASCADE,
  id_hash BYTEA NOT NULL,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (credential_id, id_hash)
);
CREATE INDEX consumed_client_assertions_expiry ON consumed_client_assertions (expires_at);
