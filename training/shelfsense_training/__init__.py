"""Makes what Shelfsense serves: data, objectives, recipes, evaluation, bundles."""
