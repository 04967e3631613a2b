"""The commands of `shelfsense-train`, one per file; each imports what it runs only when it runs."""
