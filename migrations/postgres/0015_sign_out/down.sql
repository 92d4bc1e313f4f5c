ALTER TABLE attempts DROP COLUMN landing;
DROP TABLE sign_outs;
DROP TABLE saml_sessions;
