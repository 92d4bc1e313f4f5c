-- Finding, sorting and counting resources at any size (decision 0009).

-- A NULL has its place in an index, so that a sorted page finds what has no value as well. updated_at is for clients
-- that ask what changed since.
DROP INDEX resources_external_id;
DROP INDEX resources_display;
CREATE INDEX resources_external_id ON resources (org_id, kind, external_id, k);
CREATE INDEX resources_display ON resources (org_id, kind, display_folded, k);
CREATE INDEX resources_updated ON resources (org_id, kind, updated_at, k);

-- How many resources an organization has: the sum of its rows. SQLite has one writer and needs one slot.
CREATE TABLE resource_counts (
  org_id BLOB NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL,
  slot BIGINT NOT NULL,
  delta BIGINT NOT NULL,
  PRIMARY KEY (org_id, kind, slot)
) WITHOUT ROWID;
CREATE TRIGGER resources_counted AFTER INSERT ON resources BEGIN
  INSERT INTO resource_counts (org_id, kind, slot, delta) VALUES (NEW.org_id, NEW.kind, 0, 1)
    ON CONFLICT (org_id, kind, slot) DO UPDATE SET delta = delta + 1;
END;
CREATE TRIGGER resources_discounted AFTER DELETE ON resources BEGIN
  INSERT INTO resource_counts (org_id, kind, slot, delta) VALUES (OLD.org_id, OLD.kind, 0, -1)
    ON CONFLICT (org_id, kind, slot) DO UPDATE SET delta = delta - 1;
END;
INSERT INTO resource_counts (org_id, kind, slot, delta)
  SELECT org_id, kind, 0, count(*) FROM resources GROUP BY org_id, kind;

-- The trigrams of a resource's texts as words of our own (store/trigrams.rs); the row id is the resource's k. Resources
-- that wait to be indexed are noted by whoever writes them; those that are there already wait from the start.
CREATE VIRTUAL TABLE resource_grams USING fts5 (
  grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TABLE resource_grams_stale (
  id INTEGER NOT NULL PRIMARY KEY,
  k BIGINT NOT NULL,
  org_id BLOB NOT NULL
);
CREATE INDEX resource_grams_stale_org ON resource_grams_stale (org_id, k);
CREATE TRIGGER resource_docs_made AFTER INSERT ON resource_docs BEGIN
  INSERT INTO resource_grams_stale (k, org_id) SELECT k, org_id FROM resources WHERE k = NEW.k;
END;
CREATE TRIGGER resource_docs_changed AFTER UPDATE OF document ON resource_docs WHEN OLD.document <> NEW.document BEGIN
  INSERT INTO resource_grams_stale (k, org_id) SELECT k, org_id FROM resources WHERE k = NEW.k;
END;
CREATE TRIGGER resources_gone AFTER DELETE ON resources BEGIN
  INSERT INTO resource_grams_stale (k, org_id) VALUES (OLD.k, OLD.org_id);
END;
INSERT INTO resource_grams_stale (k, org_id) SELECT k, org_id FROM resources;
