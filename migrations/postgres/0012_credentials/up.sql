-- A session of somebody who signed in with a password of their own came through no connection.
ALTER TABLE sessions ALTER COLUMN connection_id DROP NOT NULL;
