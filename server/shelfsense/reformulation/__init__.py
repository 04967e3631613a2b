"""Reformulations: popular queries that say the same, found by vector, let through by gates and thresholds."""
