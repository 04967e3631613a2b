"""The figures of docs/results.md about speed, size and robustness; ``python -m benchmarks`` measures them."""
