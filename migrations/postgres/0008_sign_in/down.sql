DROP INDEX admin_tokens_parent;
ALTER TABLE admin_tokens DROP COLUMN parent_id;
DROP INDEX sessions_connection;
ALTER TABLE sessions DROP COLUMN is_auth_time_known;
ALTER TABLE attempts DROP COLUMN tries;
