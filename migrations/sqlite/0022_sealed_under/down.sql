DROP INDEX totp_factors_sealed_under;
DROP INDEX passwords_sealed_under;
DROP INDEX connections_sealed_under;
