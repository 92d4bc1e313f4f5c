-- What each write of a SCIM client was checked against, although it cannot be otherwise (decision 0027). A check of a foreign
-- key locks the row that it finds: with these, everybody who wrote for an organization locked the one row of it, and
-- that of its client. Neither organizations nor clients are ever deleted.

-- In the order in which a request takes them, so that this waits before it holds anything.
LOCK TABLE organizations, scim_clients, memberships, activations, cases, resources, resource_docs, resource_values,
  resource_counts, removal_counts, scim_exchanges IN ACCESS EXCLUSIVE MODE;

ALTER TABLE memberships DROP CONSTRAINT memberships_org_id_fkey;
ALTER TABLE activations DROP CONSTRAINT activations_org_id_fkey;
ALTER TABLE cases DROP CONSTRAINT cases_org_id_fkey;
ALTER TABLE resources DROP CONSTRAINT resources_org_id_fkey, DROP CONSTRAINT resources_client_id_fkey;
ALTER TABLE resource_counts DROP CONSTRAINT resource_counts_org_id_fkey;
ALTER TABLE removal_counts DROP CONSTRAINT removal_counts_org_id_fkey;
ALTER TABLE scim_exchanges DROP CONSTRAINT scim_exchanges_org_id_fkey, DROP CONSTRAINT scim_exchanges_client_id_fkey;

-- The document and the values of a resource are inserted with it, in one statement, and changed under its lock. They still go
-- with it, whoever deletes it.
CREATE FUNCTION delete_contents_of_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM resource_values WHERE k = OLD.k;
  DELETE FROM resource_docs WHERE k = OLD.k;
  RETURN NULL;
END $$;
CREATE TRIGGER resources_contents_deleted AFTER DELETE ON resources
  FOR EACH ROW EXECUTE FUNCTION delete_contents_of_resource();
ALTER TABLE resource_docs DROP CONSTRAINT resource_docs_k_fkey;
ALTER TABLE resource_values DROP CONSTRAINT resource_values_k_fkey;
