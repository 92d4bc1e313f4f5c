-- How many activation mails an organization had sent within the last hour.
CREATE INDEX activations_sent ON activations (org_id, sent_at) WHERE sent_at IS NOT NULL;
