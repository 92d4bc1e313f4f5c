-- Which encryption keys values that last are under: a sealed value names its key in its bytes 2 to 9 (decision 0042). The program
-- looks at each key once, and not at each value.
CREATE INDEX connections_sealed_under ON connections (substr(sealed_secret, 2, 8)) WHERE sealed_secret IS NOT NULL;
CREATE INDEX passwords_sealed_under ON passwords (substr(sealed_hash, 2, 8));
CREATE INDEX totp_factors_sealed_under ON totp_factors (substr(sealed_secret, 2, 8));
