-- Finding, sorting and counting resources at any size (decision 0009).

-- A NULL has its place in an index, so that a sorted page finds what has no value as well. updated_at is for clients
-- that ask what changed since.
DROP INDEX resources_external_id;
DROP INDEX resources_display;
CREATE INDEX resources_external_id ON resources (org_id, kind, external_id, k);
CREATE INDEX resources_display ON resources (org_id, kind, display_folded, k);
CREATE INDEX resources_updated ON resources (org_id, kind, updated_at, k);

-- How many resources an organization has: the sum of its rows. Each connection counts in a row of its own (slot is its
-- process id), so that no transaction waits for another; the sweep adds the rows of ended connections to slot 0.
CREATE TABLE resource_counts (
  org_id BYTEA NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL,
  slot BIGINT NOT NULL,
  delta BIGINT NOT NULL,
  PRIMARY KEY (org_id, kind, slot)
);
CREATE FUNCTION count_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO resource_counts AS counted (org_id, kind, slot, delta)
      VALUES (NEW.org_id, NEW.kind, pg_backend_pid(), 1)
      ON CONFLICT (org_id, kind, slot) DO UPDATE SET delta = counted.delta + 1;
  ELSE
    INSERT INTO resource_counts AS counted (org_id, kind, slot, delta)
      VALUES (OLD.org_id, OLD.kind, pg_backend_pid(), -1)
      ON CONFLICT (org_id, kind, slot) DO UPDATE SET delta = counted.delta - 1;
  END IF;
  RETURN NULL;
END $$;
-- The lock that making the trigger takes keeps resources as they are until the count below is committed with it.
CREATE TRIGGER resources_counted AFTER INSERT OR DELETE ON resources FOR EACH ROW EXECUTE FUNCTION count_resource();
INSERT INTO resource_counts (org_id, kind, slot, delta)
  SELECT org_id, kind, 0, count(*) FROM resources GROUP BY org_id, kind;

-- The trigrams of a resource's texts as numbers (store/trigrams.rs). Resources that wait to be indexed are noted by
-- whoever writes them; those that are there already wait from the start. A resource may be noted twice: who notes it
-- must not wait for who works the notes off.
CREATE TABLE resource_grams (
  k BIGINT NOT NULL PRIMARY KEY,
  grams BIGINT[] NOT NULL
);
CREATE INDEX resource_grams_search ON resource_grams USING gin (grams) WITH (gin_pending_list_limit = 512);
CREATE TABLE resource_grams_stale (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  k BIGINT NOT NULL,
  org_id BYTEA NOT NULL
);
CREATE INDEX resource_grams_stale_org ON resource_grams_stale (org_id, k);
CREATE FUNCTION note_changed_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO resource_grams_stale (k, org_id) SELECT k, org_id FROM resources WHERE k = NEW.k;
  RETURN NULL;
END $$;
CREATE FUNCTION note_gone_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO resource_grams_stale (k, org_id) VALUES (OLD.k, OLD.org_id);
  RETURN NULL;
END $$;
CREATE TRIGGER resource_docs_made AFTER INSERT ON resource_docs FOR EACH ROW EXECUTE FUNCTION note_changed_resource();
CREATE TRIGGER resource_docs_changed AFTER UPDATE OF document ON resource_docs
  FOR EACH ROW WHEN (OLD.document IS DISTINCT FROM NEW.document) EXECUTE FUNCTION note_changed_resource();
CREATE TRIGGER resources_gone AFTER DELETE ON resources FOR EACH ROW EXECUTE FUNCTION note_gone_resource();
INSERT INTO resource_grams_stale (k, org_id) SELECT k, org_id FROM resources;
