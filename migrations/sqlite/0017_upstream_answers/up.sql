-- What an OpenID provider said of people who are on the way back with it, so that it can take that back: by whom it is about,
-- and by the hash of the name of their session there.
CREATE TABLE upstream_answers (
  attempt_id BLOB NOT NULL PRIMARY KEY REFERENCES attempts (id) ON DELETE CASCADE,
  org_id BLOB NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  connection_id BLOB NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
  account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  sid_hash BLOB
) WITHOUT ROWID;
CREATE INDEX upstream_answers_account ON upstream_answers (connection_id, account_id);
CREATE INDEX upstream_answers_sid ON upstream_answers (connection_id, sid_hash);
