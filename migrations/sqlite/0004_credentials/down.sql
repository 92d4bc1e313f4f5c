DROP TABLE consumed_client_assertions;
DROP TABLE scim_access_tokens;
DROP INDEX scim_credentials_expiry;
ALTER TABLE scim_credentials DROP COLUMN warned_at;
ALTER TABLE scim_credentials DROP COLUMN warned_days;
ALTER TABLE scim_credentials DROP COLUMN trust;
ALTER TABLE scim_credentials DROP COLUMN scope;
ALTER TABLE scim_credentials DROP COLUMN kind;
