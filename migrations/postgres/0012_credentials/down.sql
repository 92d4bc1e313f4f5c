DELETE FROM sessions WHERE connection_id IS NULL;
ALTER TABLE sessions ALTER COLUMN connection_id SET NOT NULL;
