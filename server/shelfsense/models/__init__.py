"""The networks, defined once: training imports them from here, engines run what they export."""
