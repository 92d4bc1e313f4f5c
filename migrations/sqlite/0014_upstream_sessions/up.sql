-- Which session at an OpenID provider opened a session here, by the hash of its name there, so that it can end with it.
CREATE TABLE upstream_sessions (
  session_id BLOB NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  connection_id BLOB NOT NULL REFERENCES connections (id),
  sid_hash BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX upstream_sessions_sid ON upstream_sessions (connection_id, sid_hash);
