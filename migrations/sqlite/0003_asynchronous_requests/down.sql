DROP TABLE asynchronous_outcomes;
DROP TABLE asynchronous_requests;
DROP TABLE scim_events;
