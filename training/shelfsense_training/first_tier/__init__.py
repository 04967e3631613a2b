"""What could answer in place of the whole network: fewer layers, early exits, static vectors, answers kept for heads."""
