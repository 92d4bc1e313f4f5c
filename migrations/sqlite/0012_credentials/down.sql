DROP TABLE former_addresses;
DROP TABLE devices;
DROP TABLE mail_proofs;
DROP TABLE passwords;
DELETE FROM sessions WHERE connection_id IS NULL;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
  SET sql = replace(sql, 'connection_id BLOB REFERENCES connections', 'connection_id BLOB NOT NULL REFERENCES connections')
  WHERE type = 'table' AND name = 'sessions';
PRAGMA writable_schema = RESET;
