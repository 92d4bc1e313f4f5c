DROP TABLE former_addresses;
DROP TABLE devices;
DROP TABLE mail_proofs;
DROP TABLE passwords;
DELETE FROM sessions WHERE connection_id IS NULL;
ALTER TABLE sessions ALTER COLUMN connection_id SET NOT NULL;
