-- How much of what a client sends is kept: off, refusals, changes or all.
ALTER TABLE scim_clients ADD COLUMN request_log TEXT NOT NULL DEFAULT 'all';

-- What SCIM clients sent and heard, without personal data; kind 'summary' says how much was not recorded one by one. What
-- is long comes last, so that a look through the narrow columns does not read it. original is sealed.
CREATE TABLE scim_exchanges (
  id BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  client_id BYTEA NOT NULL REFERENCES scim_clients (id) ON DELETE CASCADE,
  credential_id BYTEA,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  method TEXT NOT NULL,
  status INTEGER NOT NULL,
  duration_micros BIGINT NOT NULL,
  resource_id BYTEA,
  scim_type TEXT,
  rule TEXT,
  rewrite_rules TEXT NOT NULL,
  path TEXT NOT NULL,
  query TEXT NOT NULL,
  not_recorded TEXT,
  rewrites TEXT,
  request TEXT,
  response TEXT,
  original BYTEA
);
CREATE INDEX scim_exchanges_client ON scim_exchanges (org_id, client_id, id);
