ALTER TABLE organizations DROP COLUMN claim_mappings;
DROP TABLE scim_assignables;
DROP TABLE scim_unique_values;
DROP TABLE scim_clearings;
DROP TABLE scim_schemas;
ALTER TABLE organizations DROP COLUMN schemas_version;
