"""Slow, independent ways to the same images and spectra."""

from __future__ import annotations

import numpy as np
import torch


def inside(ellipse, y, x):
    """Boolean: which points lie inside, by turning them back and measuring."""
    turn = np.exp(-1j * ellipse.angle) * ((x - ellipse.centre[1]) + 1j * (y - ellipse.centre[0]))
    return (turn.real / ellipse.semi_axes[1]) ** 2 + (turn.imag / ellipse.semi_axes[0]) ** 2 <= 1


def point_image(phantom, im_size):
    """Intensity at pixel centres, in numpy, with no anti-aliasing."""
    y, x = ((np.arange(n) - n // 2) * length / n for n, length in zip(im_size, phantom.fov, strict=True))
    y, x = np.meshgrid(y, x, indexing="ij")
    return sum(ellipse.intensity * inside(ellipse, y, x) for ellipse in phantom.ellipses)


def quadrature_kspace(phantom, ktraj, im_size, maps=None):
    """Fourier integral of every ellipse by Gauss-Legendre in the radius and the trapezoid rule in the angle."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    radius, weights = (nodes + 1) / 2, weights / 2
    turn = 2 * np.pi * np.arange(160) / 160
    unit = radius[:, None] * np.exp(1j * turn)
    measure = (weights * radius)[:, None] * np.full(160, 2 * np.pi / 160)
    total = 0
    for ellipse in phantom.ellipses:
        ay, ax = ellipse.semi_axes
        point = np.exp(1j * ellipse.angle) * (ax * unit.real + 1j * ay * unit.imag)
        y, x = (point.imag + ellipse.centre[0]).ravel(), (point.real + ellipse.centre[1]).ravel()
        rows, columns = y / phantom.fov[0] * im_size[0], x / phantom.fov[1] * im_size[1]
        density = ellipse.intensity * measure.ravel() * ay * ax * np.prod(im_size) / np.prod(phantom.fov)
        if maps is not None:
            density = density * maps(y / phantom.fov[0], x / phantom.fov[1])
        waves = np.exp(-1j * (np.outer(ktraj[0], rows) + np.outer(ktraj[1], columns)))
        total = total + density @ waves.T
    return total / np.sqrt(np.prod(im_size))


def fft2c(image):
    """Centred unitary Fourier transform, from torch.fft alone."""
    axes = (-2, -1)
    return torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(image, axes), norm="ortho"), axes)


def ifft2c(kspace):
    """Inverse of :func:`fft2c`."""
    axes = (-2, -1)
    return torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(kspace, axes), norm="ortho"), axes)


def tissues_mix(phantom, allowed, points=701):
    """Fraction of points whose intensity is none of ``allowed``: overlaps that were not meant."""
    values = point_image(phantom, (points, points))
    distance = np.abs(values[..., None] - np.array([0.0, *allowed])).min(-1)
    return float((distance > 1e-9).mean())
