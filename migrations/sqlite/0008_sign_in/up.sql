-- How many answers were looked at since the browser left for its identity provider.
ALTER TABLE attempts ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;

-- False when the identity provider did not say when the person proved themselves; auth_time is then that of the session.
ALTER TABLE sessions ADD COLUMN is_auth_time_known BOOLEAN NOT NULL DEFAULT TRUE;
-- Ending what a connection opened.
CREATE INDEX sessions_connection ON sessions (connection_id);

-- The token that made this one. It lives no longer than that.
ALTER TABLE admin_tokens ADD COLUMN parent_id BLOB REFERENCES admin_tokens (id) ON DELETE CASCADE;
CREATE INDEX admin_tokens_parent ON admin_tokens (parent_id);
