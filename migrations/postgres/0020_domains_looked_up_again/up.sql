-- A proved domain is looked up again every day (decision Q15). Since when its record is gone, since when it is lapsed, how often
-- the administrators were told, when it is looked up next, and how many look-ups in a row have failed.
ALTER TABLE domains ADD COLUMN at_risk_at BIGINT;
ALTER TABLE domains ADD COLUMN lapsed_at BIGINT;
ALTER TABLE domains ADD COLUMN risk_notices INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN check_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN check_failures INTEGER NOT NULL DEFAULT 0;

-- Those that were proved before have their first turn somewhere within a day from now.
UPDATE domains SET check_at = CAST(floor(extract(epoch FROM now()) * 1000000 + random() * 86400000000) AS BIGINT)
  WHERE state = 'verified';

CREATE INDEX domains_check ON domains (check_at) WHERE state IN ('verified', 'at_risk', 'lapsed');
-- A domain that has lapsed still is its owner's, until somebody else proves it.
CREATE UNIQUE INDEX domains_held ON domains (name) WHERE state IN ('verified', 'managed', 'at_risk', 'disputed', 'lapsed');
