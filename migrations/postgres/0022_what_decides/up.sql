-- When what decides who comes in through a connection last changed: a sign-in before that proves nothing about it any more.
-- Empty of a connection that has not been changed since; then its last change of any kind counts.
ALTER TABLE connections ADD COLUMN decided_at BIGINT;
