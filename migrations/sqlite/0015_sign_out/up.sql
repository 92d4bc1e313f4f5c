-- What a SAML provider calls the sessions that it opened: by the attempt, and by the session once there is one.
CREATE TABLE saml_sessions (
  attempt_id BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  connection_id BLOB NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  format TEXT NOT NULL,
  name_qualifier TEXT,
  sp_name_qualifier TEXT,
  session_index TEXT,
  session_id BLOB REFERENCES sessions (id) ON DELETE CASCADE,
  expires_at BIGINT NOT NULL
);
CREATE INDEX saml_sessions_subject ON saml_sessions (connection_id, subject);
CREATE INDEX saml_sessions_session ON saml_sessions (session_id);
CREATE INDEX saml_sessions_expiry ON saml_sessions (expires_at);

-- People who signed out here and are on their way to their provider, to be signed out there as well.
CREATE TABLE sign_outs (
  handle_hash BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  connection_id BLOB NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
  request_id TEXT NOT NULL,
  binding_hash BLOB NOT NULL,
  return_url TEXT,
  answer TEXT,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sign_outs_connection ON sign_outs (connection_id);
CREATE INDEX sign_outs_expiry ON sign_outs (expires_at);

-- Where somebody goes who was sent here by their provider: an attempt that no application began ends there, with no code.
ALTER TABLE attempts ADD COLUMN landing TEXT;
