DROP TABLE upstream_answers;
