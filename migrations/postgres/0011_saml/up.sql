-- Where the metadata of a connection's identity provider is read again, and how that went.
CREATE TABLE metadata_sources (
  connection_id BYTEA NOT NULL PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
  org_id BYTEA NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  signer TEXT,
  etag TEXT,
  read_at BIGINT NOT NULL,
  refresh_at BIGINT NOT NULL,
  failed_at BIGINT,
  failure TEXT,
  failures INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX metadata_sources_due ON metadata_sources (refresh_at);

-- Which certificates of identity providers somebody was warned of.
CREATE TABLE certificate_warnings (
  connection_id BYTEA NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
  fingerprint TEXT NOT NULL,
  org_id BYTEA NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  days INTEGER NOT NULL,
  warned_at BIGINT NOT NULL,
  PRIMARY KEY (connection_id, fingerprint)
);
