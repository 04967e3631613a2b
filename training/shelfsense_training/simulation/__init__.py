"""Search logs with known truth: stores, what their shoppers mean, what they are shown, what they do."""
