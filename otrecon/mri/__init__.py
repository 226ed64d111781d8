"""Magnetic resonance imaging: Fourier transforms, sampling, coils, forward models, classical reconstructions."""

from otrecon.mri.calibration import calibration_region, walsh
from otrecon.mri.cartesian import CartesianMRI
from otrecon.mri.coils import combine, g_factor, root_sum_of_squares, simulate_coils
from otrecon.mri.compression import CoilCompression, compress_coils
from otrecon.mri.espirit import espirit, espirit_eigenmaps
from otrecon.mri.fourier import Fourier, fft2c, ifft2c
from otrecon.mri.masks import (
    SamplingMask,
    equispaced_lines,
    nominal_equispaced_lines,
    poisson_disk,
    radial_on_grid,
    random_lines,
    variable_density_lines,
)
from otrecon.mri.noise import add_noise, correlated_noise, noise_covariance, noise_std, prewhiten

__all__ = [
    "CartesianMRI",
    "CoilCompression",
    "Fourier",
    "SamplingMask",
    "add_noise",
    "calibration_region",
    "combine",
    "compress_coils",
    "correlated_noise",
    "equispaced_lines",
    "espirit",
    "espirit_eigenmaps",
    "fft2c",
    "g_factor",
    "ifft2c",
    "noise_covariance",
    "noise_std",
    "nominal_equispaced_lines",
    "poisson_disk",
    "prewhiten",
    "radial_on_grid",
    "random_lines",
    "root_sum_of_squares",
    "simulate_coils",
    "variable_density_lines",
    "walsh",
]
