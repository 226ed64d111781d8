"""What a coordinate network costs, and what makes it cheaper: ``python -m benchmarks.inr [gram|race|speed]``."""
