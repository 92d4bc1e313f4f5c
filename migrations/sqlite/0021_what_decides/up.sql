-- When what decides who comes in through a connection last changed: a sign-in before that proves nothing about it any more.
-- Empty of a connection that has not been changed since; then its last change of any kind counts.
ALTER TABLE connections ADD COLUMN decided_at BIGINT;

-- How many accounts an organization's connections have made as people signed in. It only grows.
CREATE TABLE newcomer_counts (
  org_id BLOB NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
  accounts BIGINT NOT NULL
);
