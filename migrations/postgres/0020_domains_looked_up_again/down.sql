DROP INDEX domains_held;
DROP INDEX domains_check;
UPDATE domains SET state = 'verified' WHERE state = 'at_risk';
UPDATE domains SET state = 'released' WHERE state = 'lapsed';
ALTER TABLE domains DROP COLUMN check_failures;
ALTER TABLE domains DROP COLUMN check_at;
ALTER TABLE domains DROP COLUMN risk_notices;
ALTER TABLE domains DROP COLUMN lapsed_at;
ALTER TABLE domains DROP COLUMN at_risk_at;
