-- SCIM events (RFC 9967): the claims of a security event token each, written with the change that it tells of. The id is
-- the token's jti; ids are ordered by time, which is how old ones are found.
CREATE TABLE scim_events (
  id BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL,
  claims TEXT NOT NULL
) WITHOUT ROWID;

-- Bulk requests that are answered later. The id is the transaction that the client was told.
CREATE TABLE asynchronous_requests (
  id BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  client_id BLOB NOT NULL REFERENCES scim_clients (id) ON DELETE CASCADE,
  credential_id BLOB NOT NULL,
  scope TEXT NOT NULL,
  operations BIGINT NOT NULL,
  sealed_body BLOB,
  created_at BIGINT NOT NULL,
  finished_at BIGINT,
  expires_at BIGINT NOT NULL
);
CREATE INDEX asynchronous_requests_waiting ON asynchronous_requests (client_id) WHERE finished_at IS NULL;
CREATE INDEX asynchronous_requests_expiry ON asynchronous_requests (expires_at);

-- What became of an operation, written in its own transaction: the primary key keeps it from being done twice.
CREATE TABLE asynchronous_outcomes (
  request_id BLOB NOT NULL REFERENCES asynchronous_requests (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  org_id BLOB NOT NULL,
  sealed_outcome BLOB NOT NULL,
  PRIMARY KEY (request_id, position)
) WITHOUT ROWID;
