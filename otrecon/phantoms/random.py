"""Random objects and phases, for training sets, tests and exercises."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.grid import normalised_coordinates
from otrecon.phantoms.checks import check_count
from otrecon.phantoms.ellipses import Ellipse, EllipsePhantom
from otrecon.randomness import check_generator

__all__ = ["random_ellipses", "smooth_phase"]


def random_ellipses(
    generator: torch.Generator, *, count: int = 8, complex_valued: bool = False, radius: float = 0.9
) -> EllipsePhantom:
    """Draw a body with ellipses of random place, size, turn and intensity inside it.

    Parameters
    ----------
    generator
        Source of the draws.
    count
        Number of ellipses inside the body, 0 or more.
    complex_valued
        Give every inner ellipse a random phase. The body stays real.
    radius
        All ellipses lie within this distance of the origin, in (0, 1].

    Returns
    -------
    EllipsePhantom
        Field of view from -1 to 1. The body has intensity 0.5; inside, intensities add between -0.25 and 0.5 each.

    Raises
    ------
    ValueError
        If ``count`` is negative or ``radius`` is out of range.
    TypeError
        If ``generator`` is no generator.
    """
    check_generator(generator)
    check_count("count", count, least=0)
    if not 0 < radius <= 1:
        raise ValueError(f"radius must lie within (0, 1], got {radius}.")
    draws = torch.rand(count + 1, 7, dtype=torch.float64, generator=generator, device=generator.device).tolist()
    half_y, half_x = radius * (0.75 + 0.25 * draws[0][0]), radius * (0.75 + 0.25 * draws[0][1])
    ellipses = [Ellipse(0.5 + 0j if complex_valued else 0.5, (0.0, 0.0), (half_y, half_x))]
    inner = min(half_y, half_x)
    for height, width, distance, direction, turn, strength, phase in draws[1:]:
        semi_axes = (inner * (0.04 + 0.3 * height), inner * (0.04 + 0.3 * width))
        # Uniform over the disc in which the whole ellipse stays inside the body.
        reach = (inner - max(semi_axes)) * math.sqrt(distance)
        centre = (reach * math.sin(2 * math.pi * direction), reach * math.cos(2 * math.pi * direction))
        intensity = -0.25 + 0.75 * strength
        value = intensity * cmath.exp(2j * math.pi * phase) if complex_valued else intensity
        ellipses.append(Ellipse(value, centre, semi_axes, math.pi * turn))
    return EllipsePhantom(tuple(ellipses))


def smooth_phase(
    im_size: Sequence[int],
    generator: torch.Generator,
    *,
    limit: float = math.pi / 2,
    order: int = 2,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw a smooth phase: a random polynomial over the field of view.

    Parameters
    ----------
    im_size
        ``(ny, nx)``.
    generator
        Source of the coefficients. Equal seeds give the same field at every ``im_size``, finer or coarser.
    limit
        Bound on the magnitude of the phase, radians.
    order
        Highest degree of the polynomial, 0 or more.
    dtype
        Floating-point type of the result.

    Returns
    -------
    Tensor
        Phase in radians, shape ``(ny, nx)``, on the generator's device; ``torch.polar(magnitude, phase)`` makes a
        complex image of it.

    Raises
    ------
    TypeError
        If ``dtype`` is not a real floating-point type, or ``generator`` no generator.
    ValueError
        If ``limit`` is not positive and finite, or ``order`` is negative.
    """
    check_generator(generator)
    check_count("order", order, least=0)
    if not (math.isfinite(limit) and limit > 0):
        raise ValueError(f"limit must be a positive angle in radians, got {limit}.")
    if not dtype.is_floating_point:
        raise TypeError(f"dtype must be a real floating-point type, got {dtype}.")
    y, x = normalised_coordinates(im_size, device=generator.device)
    powers = [(p, degree - p) for degree in range(order + 1) for p in range(degree + 1)]
    coefficients = torch.randn(len(powers), dtype=torch.float64, generator=generator, device=generator.device)
    # Monomials stay within [-1, 1], so coefficients of total size ``limit`` bound the sum.
    coefficients = limit * coefficients / coefficients.abs().sum()
    phase = torch.stack([c * y**p * x**q for c, (p, q) in zip(coefficients, powers, strict=True)]).sum(0)
    return phase.to(dtype)
