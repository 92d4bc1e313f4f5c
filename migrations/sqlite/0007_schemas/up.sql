-- Schemas that organizations bring along. schemas_version moves with every change to what an organization's users and
-- groups are made of; 0 is the schemas that everybody has.
ALTER TABLE organizations ADD COLUMN schemas_version BIGINT NOT NULL DEFAULT 0;

-- number is the schemas_version at which the schema came; "x{number}:" begins the paths of its values, so that no two
-- schemas of an organization ever share one, not even one after the other.
CREATE TABLE scim_schemas (
  id BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  number BIGINT NOT NULL,
  urn TEXT NOT NULL,
  urn_folded TEXT NOT NULL,
  kind TEXT NOT NULL,
  is_required BOOLEAN NOT NULL,
  definition TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX scim_schemas_urn ON scim_schemas (org_id, urn_folded);

-- Values of schemas and attributes that are gone, waiting for a job to clear them; attribute is NULL for a whole schema.
CREATE TABLE scim_clearings (
  id BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  number BIGINT NOT NULL,
  urn TEXT NOT NULL,
  kind TEXT NOT NULL,
  attribute TEXT,
  cleared BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX scim_clearings_org ON scim_clearings (org_id, id);

-- Values that are unique in an organization: the primary key is the judge.
CREATE TABLE scim_unique_values (
  org_id BLOB NOT NULL,
  path TEXT NOT NULL,
  value TEXT NOT NULL,
  k BIGINT NOT NULL REFERENCES resources (k) ON DELETE CASCADE,
  PRIMARY KEY (org_id, path, value)
) WITHOUT ROWID;
CREATE INDEX scim_unique_values_resource ON scim_unique_values (k);

-- The roles and the entitlements that an organization knows: one row for each of the two lists. A closed list refuses
-- other values.
CREATE TABLE scim_assignables (
  org_id BLOB NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL,
  is_closed BOOLEAN NOT NULL,
  entries TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, kind)
) WITHOUT ROWID;

-- The claims that an organization makes of attributes, as JSON; NULL for an organization that makes none.
ALTER TABLE organizations ADD COLUMN claim_mappings TEXT;
