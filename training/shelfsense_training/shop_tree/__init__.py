"""A shop's own product-type tree: its files, the map from ours, its labels and its thresholds."""
