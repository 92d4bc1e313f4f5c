ALTER TABLE totp_factors DROP COLUMN wrong_codes;
