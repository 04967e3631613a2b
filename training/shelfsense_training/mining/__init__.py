"""From search logs to training data: labels mined in SQL, their judging, and an importer."""
