ALTER TABLE connections DROP COLUMN decided_at;
