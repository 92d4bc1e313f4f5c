-- Wrong codes since the last right one.
ALTER TABLE totp_factors ADD COLUMN wrong_codes BIGINT NOT NULL DEFAULT 0;
