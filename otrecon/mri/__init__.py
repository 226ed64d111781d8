"""Magnetic resonance imaging: Fourier transforms, sampling, coils, forward models, classical reconstructions."""

from otrecon.mri.cartesian import CartesianMRI
from otrecon.mri.fourier import Fourier, fft2c, ifft2c

__all__ = ["CartesianMRI", "Fourier", "fft2c", "ifft2c"]
