-- A session of somebody who signed in with a password of their own came through no connection. Taking NOT NULL away
-- changes no row, so the table's text is changed, as SQLite's documents describe for this very case (ALTER TABLE,
-- section 7); a copy of the table would end every grant that rests on it. What follows moves the schema's version on.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
  SET sql = replace(sql, 'connection_id BLOB NOT NULL REFERENCES connections', 'connection_id BLOB REFERENCES connections')
  WHERE type = 'table' AND name = 'sessions';
PRAGMA writable_schema = RESET;
