DROP TRIGGER resources_contents_deleted ON resources;
DROP FUNCTION delete_contents_of_resource();
ALTER TABLE resource_docs ADD FOREIGN KEY (k) REFERENCES resources (k) ON DELETE CASCADE;
ALTER TABLE resource_values ADD FOREIGN KEY (k) REFERENCES resources (k) ON DELETE CASCADE;
ALTER TABLE scim_exchanges ADD FOREIGN KEY (org_id) REFERENCES organizations (id),
  ADD FOREIGN KEY (client_id) REFERENCES scim_clients (id) ON DELETE CASCADE;
ALTER TABLE removal_counts ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE resource_counts ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE resources ADD FOREIGN KEY (org_id) REFERENCES organizations (id),
  ADD FOREIGN KEY (client_id) REFERENCES scim_clients (id);
ALTER TABLE cases ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE activations ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE memberships ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
