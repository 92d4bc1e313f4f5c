DROP TABLE newcomer_counts;
ALTER TABLE connections DROP COLUMN decided_at;
