"""Magnetic resonance imaging: Fourier, sampling, coils, forward models and classical reconstructions."""
