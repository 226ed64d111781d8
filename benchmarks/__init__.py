"""Measurements side by side: ``python -m benchmarks.NAME`` writes ``results/benchmarks/NAME.json``; no NAME, all."""
