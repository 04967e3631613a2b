"""From search logs to training data: labels, pairs and heads mined in SQL, their judging, and an importer."""
