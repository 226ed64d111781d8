"""Receiver noise: adding it at a stated level, measuring its covariance, and making it white."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex, check_finite
from otrecon.coil_images import root_sum_of_squares
from otrecon.fourier import ifft2c
from otrecon.randomness import check_generator

__all__ = ["add_noise", "correlated_noise", "noise_covariance", "noise_std", "prewhiten"]


def noise_std(kdata: Tensor, *, snr: float, signal: float | None = None) -> float:
    """Find the standard deviation of noise that gives a signal-to-noise ratio.

    Parameters
    ----------
    kdata
        Complex, fully sampled Cartesian k-space ``(..., coil, y, x)``; read only when ``signal`` is omitted.
    snr
        Signal over the standard deviation of the complex noise of one coil, more than 0.
    signal
        Image magnitude that counts as the signal. When omitted: the peak, over the whole batch, of the root sum of
        squares of the coil images.

    Returns
    -------
    float
        ``s = signal / snr``, with ``s^2 = E|n|^2``: the real and the imaginary part have ``s / sqrt(2)`` each, so a
        ratio to the noise of one part, as in measurements on magnitude images, is ``sqrt(2)`` times larger. The
        Fourier transforms here are unitary: ``s`` is the same in k-space and in the image.

    Raises
    ------
    TypeError, ValueError
        If ``kdata`` is not complex, ``snr`` or ``signal`` is not a positive number, or the signal is zero.
    """
    check_complex(kdata, "kdata")
    if not 0 < snr < float("inf"):
        raise ValueError(f"snr is {snr}; it is a positive, finite ratio (not in dB).")
    if signal is None:
        if kdata.ndim < 3:
            raise ValueError(f"kdata has shape {tuple(kdata.shape)}; expected (..., coil, y, x), or give signal=.")
        signal = float(root_sum_of_squares(ifft2c(kdata)).max())
    if not 0 < signal < float("inf"):
        raise ValueError(f"The signal is {signal}; a ratio needs a positive, finite one: give signal= explicitly.")
    return signal / snr


def add_noise(
    kdata: Tensor,
    *,
    snr: float,
    generator: torch.Generator,
    mask: Tensor | None = None,
    signal: float | None = None,
    covariance: Tensor | None = None,
) -> Tensor:
    """Add complex Gaussian noise to k-space.

    Parameters
    ----------
    kdata
        Complex ``(..., coil, y, x)``; any trailing sample axes when ``signal`` is given and ``covariance`` is not.
    snr
        Signal over standard deviation, see :func:`noise_std` for both.
    generator
        Source of randomness, on the device of ``kdata``.
    mask
        Boolean, broadcast over the samples. Where it is False the result is 0: not acquired, no noise. Give the fully
        sampled ``kdata`` with it, so that the signal is that of the true image.
    signal
        Image magnitude that counts as the signal; needed for data that are undersampled already or not Cartesian.
    covariance
        Covariance ``(coil, coil)`` of the noise up to scale: it is scaled to a mean variance of 1, then by the standard
        deviation. White and equal noise in all coils when omitted.

    Returns
    -------
    Tensor
        Noisy k-space, same shape, dtype and device.

    Raises
    ------
    TypeError, ValueError
        As :func:`noise_std`; also if ``kdata`` is not finite, or zero outside the mask and ``signal`` is missing, or
        ``generator`` is no generator.
    """
    check_generator(generator)
    check_complex(kdata, "kdata")
    check_finite(kdata, "kdata")
    if mask is not None:
        if mask.dtype != torch.bool:
            raise TypeError(f"mask must be boolean, got {mask.dtype}: write mask.bool(), or mask > 0.")
        if signal is None and not bool(mask.all()) and not bool((kdata * ~mask).any()):
            raise ValueError(
                "kdata is zero outside the mask, so its image is not the true one: "
                "give the fully sampled kdata, or signal= in units of the image."
            )
    std = noise_std(kdata, snr=snr, signal=signal)
    if covariance is None:
        noise = torch.randn(kdata.shape, dtype=kdata.dtype, device=kdata.device, generator=generator)
    else:
        mean = torch.diagonal(covariance).real.mean()
        noise = correlated_noise(kdata.shape, covariance / mean, generator=generator, dtype=kdata.dtype)
    noisy = kdata + std * noise
    return noisy if mask is None else torch.where(mask, noisy, 0)


def correlated_noise(
    shape: Sequence[int],
    covariance: Tensor,
    *,
    generator: torch.Generator,
    dtype: torch.dtype = torch.complex64,
    dim: int = -3,
) -> Tensor:
    """Draw complex Gaussian noise with a covariance between coils.

    Parameters
    ----------
    shape
        Shape of the result, ``(..., coil, y, x)`` by default.
    covariance
        Hermitian and positive definite ``(coil, coil)``: ``E[n n^H]``.
    generator
        Source of randomness; the result is on its device.
    dtype
        Complex dtype of the result.
    dim
        Coil axis.

    Returns
    -------
    Tensor
        ``L w`` with ``L L^H`` the covariance and ``w`` white.

    Raises
    ------
    TypeError, ValueError
        If the covariance is not Hermitian and positive definite or does not fit the shape, or ``generator`` is no
        generator.
    """
    check_generator(generator)
    factor = _cholesky(covariance, shape, dim)
    white = torch.randn(tuple(shape), dtype=dtype, device=generator.device, generator=generator)
    return (factor.to(white) @ white.movedim(dim, 0).flatten(1)).reshape(white.movedim(dim, 0).shape).movedim(0, dim)


def noise_covariance(noise: Tensor, *, dim: int = -3) -> Tensor:
    """Covariance between coils of a noise measurement.

    Parameters
    ----------
    noise
        Complex samples without signal, for instance a scan without excitation; ``(..., coil, y, x)`` by default.
    dim
        Coil axis; 0 for ``(coil, samples)``.

    Returns
    -------
    Tensor
        ``(coil, coil)``, ``mean of n n^H`` over all other axes. Noise has zero mean, so none is subtracted.

    Raises
    ------
    TypeError, ValueError
        If ``noise`` is not complex or not finite, or has fewer samples than coils: the covariance would be singular.
    """
    check_complex(noise, "noise")
    check_finite(noise, "The noise samples")
    rows = noise.movedim(dim, 0).flatten(1)
    if rows.shape[1] < rows.shape[0]:
        raise ValueError(
            f"{rows.shape[1]} samples cannot determine the covariance of {rows.shape[0]} coils: take more."
        )
    return rows @ rows.mH / rows.shape[1]


def prewhiten(kdata: Tensor, covariance: Tensor, *, dim: int = -3) -> Tensor:
    """Mix coils so that their noise is white: apply ``L^-1``, where ``L L^H`` is the covariance.

    Parameters
    ----------
    kdata
        Complex, coil axis at ``dim``. Apply the same call to the sensitivity maps: they mix in the same way.
    covariance
        Hermitian and positive definite ``(coil, coil)``, from :func:`noise_covariance`.
    dim
        Coil axis.

    Returns
    -------
    Tensor
        Same shape and dtype; its noise has the identity as covariance.

    Raises
    ------
    TypeError, ValueError
        If the input is not complex, or the covariance is not Hermitian and positive definite or does not fit.
    """
    check_complex(kdata, "kdata")
    factor = _cholesky(covariance, kdata.shape, dim)
    rows = kdata.movedim(dim, 0)
    white = torch.linalg.solve_triangular(factor, rows.flatten(1).to(factor.dtype), upper=False)
    return white.reshape(rows.shape).movedim(0, dim).to(kdata.dtype)


def _cholesky(covariance: Tensor, shape: Sequence[int], dim: int) -> Tensor:
    if not -len(shape) <= dim < len(shape):
        raise ValueError(f"dim is {dim}; there is no such axis in a shape {tuple(shape)}.")
    coils = shape[dim]
    if tuple(covariance.shape) != (coils, coils):
        raise ValueError(f"covariance has shape {tuple(covariance.shape)}; the data have {coils} coils at axis {dim}.")
    double = covariance.to(torch.complex128)
    if not torch.allclose(double, double.mH, rtol=1e-4, atol=1e-6 * float(double.abs().max())):
        raise ValueError("covariance is not Hermitian: use noise_covariance of a noise scan.")
    factor, failed = torch.linalg.cholesky_ex(double)
    if int(failed):
        raise ValueError("covariance is not positive definite: a coil is dead or repeats another; drop it first.")
    return factor
