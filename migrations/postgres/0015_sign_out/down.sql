DROP TABLE sign_outs;
DROP TABLE saml_sessions;
