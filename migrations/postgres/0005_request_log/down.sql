DROP TABLE scim_exchanges;
ALTER TABLE scim_clients DROP COLUMN request_log;
