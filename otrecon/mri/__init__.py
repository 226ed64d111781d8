"""Magnetic resonance imaging: Fourier transforms, sampling, coils, forward models, classical reconstructions."""

from otrecon.coil_images import combine, root_sum_of_squares
from otrecon.fourier import Fourier, fft2c, ifft2c
from otrecon.mri.calibration import calibration_region, walsh
from otrecon.mri.cartesian import CartesianMRI
from otrecon.mri.cartesian_film import CartesianFilm
from otrecon.mri.coils import g_factor, simulate_coils
from otrecon.mri.compression import CoilCompression, compress_coils
from otrecon.mri.density import DensityCompensation, pipe_density, radial_density
from otrecon.mri.differences import FilmDifference, FiniteDifference
from otrecon.mri.espirit import espirit, espirit_eigenmaps
from otrecon.mri.masks import (
    SamplingMask,
    equispaced_lines,
    nominal_equispaced_lines,
    poisson_disk,
    radial_on_grid,
    random_lines,
    variable_density_lines,
)
from otrecon.mri.multicoil import MultiCoil, point_spread
from otrecon.mri.ndft import NDFT
from otrecon.mri.noise import add_noise, correlated_noise, noise_covariance, noise_std, prewhiten
from otrecon.mri.nufft import NUFFT
from otrecon.mri.radial import DensityWeighted, RadialMRI
from otrecon.mri.radial_film import RadialFilm
from otrecon.mri.reconstruction import (
    LowRankPlusSparse,
    Reconstruction,
    cg_sense,
    grasp,
    l1_wavelet,
    low_rank_plus_sparse,
    temporal_tv,
    total_variation,
    zero_filled,
)
from otrecon.mri.side_lobes import peak_side_lobe
from otrecon.mri.trajectories import (
    cartesian_trajectory,
    interleaved_spokes,
    largest_angular_gap,
    radial_trajectory,
    select_spokes,
    spoke_angles,
)
from otrecon.mri.wavelet import Wavelet

__all__ = [
    "NDFT",
    "NUFFT",
    "CartesianFilm",
    "CartesianMRI",
    "CoilCompression",
    "DensityCompensation",
    "DensityWeighted",
    "FilmDifference",
    "FiniteDifference",
    "Fourier",
    "LowRankPlusSparse",
    "MultiCoil",
    "RadialFilm",
    "RadialMRI",
    "Reconstruction",
    "SamplingMask",
    "Wavelet",
    "add_noise",
    "calibration_region",
    "cartesian_trajectory",
    "cg_sense",
    "combine",
    "compress_coils",
    "correlated_noise",
    "equispaced_lines",
    "espirit",
    "espirit_eigenmaps",
    "fft2c",
    "g_factor",
    "grasp",
    "ifft2c",
    "interleaved_spokes",
    "l1_wavelet",
    "largest_angular_gap",
    "low_rank_plus_sparse",
    "noise_covariance",
    "noise_std",
    "nominal_equispaced_lines",
    "peak_side_lobe",
    "pipe_density",
    "point_spread",
    "poisson_disk",
    "prewhiten",
    "radial_density",
    "radial_on_grid",
    "radial_trajectory",
    "random_lines",
    "root_sum_of_squares",
    "select_spokes",
    "simulate_coils",
    "spoke_angles",
    "temporal_tv",
    "total_variation",
    "variable_density_lines",
    "walsh",
    "zero_filled",
]
