"""Masks of whole phase-encoding lines."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from otrecon.grid import check_im_size
from otrecon.mri.masks.sampling_mask import SamplingMask, check_acceleration
from otrecon.randomness import check_generator

__all__ = ["equispaced_lines", "nominal_equispaced_lines", "random_lines", "variable_density_lines"]

Axis = Literal["x", "y"]


def random_lines(
    im_size: tuple[int, int],
    acceleration: float,
    *,
    generator: torch.Generator,
    center_share: float = 0.32,
    axis: Axis = "x",
) -> SamplingMask:
    """Whole lines at random, with a fully sampled centre.

    Parameters
    ----------
    im_size
        Grid ``(y, x)``.
    acceleration
        Grid lines over acquired lines; more than 1.
    generator
        Source of randomness.
    center_share
        Share of the *acquired* lines spent on the centre, in [0, 1]. The default is the released choice of seed 001:
        26 of 80, 13 of 40 or 6 of 20 acquired lines on a grid of 320. The ``center_fractions`` of fastMRI count
        all lines of the grid instead: ``center_share = center_fraction * acceleration``.
    axis
        Phase-encoding axis, along which lines are chosen: ``"x"`` samples whole columns, ``"y"`` whole rows.

    Raises
    ------
    ValueError
        If the request is fully sampled or impossible.
    TypeError
        If ``generator`` is no generator.
    """
    return variable_density_lines(
        im_size, acceleration, generator=generator, power=0.0, center_share=center_share, axis=axis
    )


def variable_density_lines(
    im_size: tuple[int, int],
    acceleration: float,
    *,
    generator: torch.Generator,
    power: float = 2.0,
    center_share: float = 0.32,
    axis: Axis = "x",
) -> SamplingMask:
    """Whole lines at random, denser towards the centre.

    Outside the fully sampled centre a line at distance ``k`` is drawn with a weight of ``(1 - k / kmax)**power``.

    Parameters
    ----------
    im_size, acceleration, generator, center_share, axis
        As in :func:`random_lines`.
    power
        Decay of the density, finite and not negative; 0 is uniform.

    Raises
    ------
    ValueError
        If the request is fully sampled or impossible, or ``power`` is negative or infinite.
    TypeError
        If ``generator`` is no generator.
    """
    if not 0 <= power < math.inf:
        raise ValueError(f"power is {power}; the density decays with a finite power of 0 (uniform) or more.")
    check_generator(generator)
    lines, budget, center = _line_budget(im_size, acceleration, center_share, axis)
    chosen, outer = _center_lines(lines, center)
    if budget > center:
        distance = (torch.arange(lines)[outer] - lines // 2).abs().double() / (lines // 2 + 1)
        weights = ((1 - distance) ** power).to(generator.device)
        drawn = torch.multinomial(weights, budget - center, replacement=False, generator=generator).cpu()
        chosen[outer[drawn]] = True
    mask = _spread(chosen.to(generator.device), im_size, axis)
    return SamplingMask.of_budget(mask, acceleration, budget * mask.numel() // lines)


def equispaced_lines(
    im_size: tuple[int, int],
    acceleration: float,
    *,
    offset: int | torch.Generator = 0,
    center_share: float = 0.32,
    axis: Axis = "x",
) -> SamplingMask:
    """Lines at equal distances outside a fully sampled centre, with the acceleration that was asked for.

    The spacing is ``(lines outside the centre) / (lines left in the budget)``, rounded line by line: neighbouring gaps
    differ by one line at most. With ``center_share=0`` and an acceleration that divides the grid it is a lattice.

    Parameters
    ----------
    im_size, acceleration, center_share, axis
        As in :func:`random_lines`.
    offset
        Index of the first line, less than the spacing; a generator draws it.

    Raises
    ------
    ValueError
        If the request is fully sampled or impossible, or the offset is no whole number in ``[0, spacing)``.
    """
    lines, budget, center = _line_budget(im_size, acceleration, center_share, axis)
    chosen, outer = _center_lines(lines, center)
    device = offset.device if isinstance(offset, torch.Generator) else torch.device("cpu")
    if budget > center:
        spacing = (lines - center) / (budget - center)
        if isinstance(offset, torch.Generator):
            offset = int(torch.randint(math.ceil(spacing), (), generator=offset, device=device))
        if not isinstance(offset, int) or not 0 <= offset < spacing:
            raise ValueError(
                f"offset is {offset}; with a spacing of {spacing:g} lines it is a whole number in [0, {spacing:g})."
            )
        # Integer arithmetic: a floor of floating-point multiples would lose lines to rounding.
        steps = torch.arange(budget - center)
        chosen[outer[offset + steps * (lines - center) // (budget - center)]] = True
    mask = _spread(chosen.to(device), im_size, axis)
    return SamplingMask.of_budget(mask, acceleration, budget * mask.numel() // lines)


def nominal_equispaced_lines(
    im_size: tuple[int, int], acceleration: float, *, center_fraction: float | None = None, axis: Axis = "x"
) -> SamplingMask:
    """Equispaced lines as the released code of seed 003 makes them: the centre comes on top of the budget.

    A fully sampled centre of ``floor(center_fraction * lines)``, plus every ``int(acceleration)``-th of the remaining
    lines. The true acceleration is therefore lower than the nominal one: on 384 lines it is 2.59, 3.23, 4.31, 6.19 and
    8.35 for 3, 4, 6, 8 and 12. Use it to repeat published figures (seed row 003-S); use :func:`equispaced_lines` to
    compare masks at equal cost.

    Parameters
    ----------
    im_size, axis
        As in :func:`random_lines`.
    acceleration
        Nominal acceleration, more than 1; its integer part is the spacing.
    center_fraction
        Centre as a fraction of *all* lines; 0.08 up to an acceleration of 6 and 0.04 above it when omitted.

    Raises
    ------
    ValueError
        If the request is fully sampled, or ``center_fraction`` is not in [0, 1).
    """
    lines = _line_count(im_size, axis)
    check_acceleration(acceleration)
    if acceleration < 2:
        raise ValueError(
            f"acceleration is {acceleration}; this recipe takes every int(acceleration)-th line: use 2 or more."
        )
    if center_fraction is None:
        center_fraction = 0.08 if acceleration <= 6 else 0.04
    if not 0 <= center_fraction < 1:
        raise ValueError(f"center_fraction is {center_fraction}; it is a fraction of all lines, in [0, 1).")
    center = math.floor(center_fraction * lines)
    chosen = torch.zeros(lines, dtype=torch.bool)
    start = (lines - center) // 2
    chosen[start : start + center] = True
    outer = torch.nonzero(~chosen).squeeze(1)
    chosen[outer[:: int(acceleration)]] = True
    return SamplingMask(_spread(chosen, im_size, axis), float(acceleration))


def _line_count(im_size: tuple[int, int], axis: str) -> int:
    if axis not in ("x", "y"):
        raise ValueError(f"axis is {axis!r}; the phase-encoding axis is 'x' (columns) or 'y' (rows).")
    ny, nx = check_im_size(im_size)
    return nx if axis == "x" else ny


def _line_budget(im_size: tuple[int, int], acceleration: float, center_share: float, axis: str) -> tuple[int, int, int]:
    lines = _line_count(im_size, axis)
    check_acceleration(acceleration)
    if not 0 <= center_share <= 1:
        raise ValueError(
            f"center_share is {center_share}; it is the share of the acquired lines spent on the centre, in [0, 1]. "
            "A larger centre than the budget cannot be acquired at this acceleration."
        )
    budget = round(lines / acceleration)
    if not 0 < budget < lines:
        raise ValueError(
            f"Acceleration {acceleration} of {lines} lines is a budget of {budget} lines: "
            "choose one that leaves at least one line and omits at least one."
        )
    return lines, budget, round(center_share * budget)


def _center_lines(lines: int, center: int) -> tuple[Tensor, Tensor]:
    chosen = torch.zeros(lines, dtype=torch.bool)
    start = lines // 2 - center // 2
    chosen[start : start + center] = True
    return chosen, torch.nonzero(~chosen).squeeze(1)


def _spread(chosen: Tensor, im_size: tuple[int, int], axis: str) -> Tensor:
    return (chosen[None, :] if axis == "x" else chosen[:, None]).expand(im_size).clone()
