"""Which k-space samples are acquired: line masks, Poisson-disk masks and spokes on the Cartesian grid.

Every function spends a budget: ``round(n / acceleration)`` lines, or that share of the pixels. The fully sampled
centre is paid for out of the budget, so the acceleration that was asked for is the acceleration that is obtained, up to
rounding to whole lines. The one exception, :func:`nominal_equispaced_lines`, repeats a published recipe that does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from otrecon.mri.checks import check_im_size

__all__ = [
    "SamplingMask",
    "equispaced_lines",
    "nominal_equispaced_lines",
    "poisson_disk",
    "radial_on_grid",
    "random_lines",
    "variable_density_lines",
]

Axis = Literal["x", "y"]


@dataclass(frozen=True, eq=False)
class SamplingMask:
    """A sampling pattern with the acceleration that was asked for and the one that it has.

    Attributes
    ----------
    mask
        Boolean tensor ``(y, x)``, True where k-space is acquired; centred, so that ``mask[y // 2, x // 2]`` is DC.
    nominal
        Acceleration that was requested.
    """

    mask: Tensor
    nominal: float

    def __post_init__(self) -> None:
        if self.mask.dtype != torch.bool or self.mask.ndim != 2:
            raise TypeError(f"A mask is a boolean tensor (y, x), got {self.mask.dtype} of {tuple(self.mask.shape)}.")
        if not bool(self.mask.any()):
            raise ValueError("The mask samples nothing.")

    @property
    def acceleration(self) -> float:
        """True acceleration: pixels of the grid over pixels sampled."""
        return self.mask.numel() / int(self.mask.sum())


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
        Decay of the density, not negative; 0 is uniform.

    Raises
    ------
    ValueError
        If the request is fully sampled or impossible, or ``power`` is negative.
    """
    if not power >= 0:
        raise ValueError(f"power is {power}; the density decays with a power of 0 (uniform) or more.")
    lines, budget, center = _line_budget(im_size, acceleration, center_share, axis)
    chosen, outer = _center_lines(lines, center)
    if budget > center:
        distance = (torch.arange(lines)[outer] - lines // 2).abs().double() / (lines // 2 + 1)
        weights = ((1 - distance) ** power).to(generator.device)
        drawn = torch.multinomial(weights, budget - center, replacement=False, generator=generator).cpu()
        chosen[outer[drawn]] = True
    return _spread(chosen.to(generator.device), im_size, axis, acceleration, budget)


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
        If the request is fully sampled or impossible, or the offset is outside ``[0, spacing)``.
    """
    lines, budget, center = _line_budget(im_size, acceleration, center_share, axis)
    chosen, outer = _center_lines(lines, center)
    device = offset.device if isinstance(offset, torch.Generator) else torch.device("cpu")
    if budget > center:
        spacing = (lines - center) / (budget - center)
        if isinstance(offset, torch.Generator):
            offset = int(torch.randint(math.ceil(spacing), (), generator=offset, device=device))
        if not 0 <= offset < spacing:
            raise ValueError(f"offset is {offset}; with a spacing of {spacing:g} lines it must be in [0, {spacing:g}).")
        # Integer arithmetic: a floor of floating-point multiples would lose lines to rounding.
        steps = torch.arange(budget - center)
        chosen[outer[offset + steps * (lines - center) // (budget - center)]] = True
    return _spread(chosen.to(device), im_size, axis, acceleration, budget)


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
    _check_acceleration(acceleration)
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
    return _spread(chosen, im_size, axis, acceleration, None)


def poisson_disk(
    im_size: tuple[int, int],
    acceleration: float,
    *,
    generator: torch.Generator,
    calibration: int = 0,
    growth: float = 0.0,
    crop_corners: bool = False,
) -> SamplingMask:
    """Random samples that keep their distance, with a fully sampled square in the centre.

    Pixels are visited in random order and taken unless one taken before lies within the radius. The radius is found by
    bisection so that the number of samples, square included, is exactly ``round(y * x / acceleration)``.

    Parameters
    ----------
    im_size
        Grid ``(y, x)``.
    acceleration
        Pixels of the grid over pixels sampled; more than 1.
    generator
        Source of randomness.
    calibration
        Side of the fully sampled square in the centre, in pixels; 0 for none.
    growth
        Variable density: the radius grows linearly from ``r`` at the centre to ``(1 + growth) * r`` at the edge of the
        grid, so the density falls as the square of that. 0 is uniform.
    crop_corners
        Sample only inside the ellipse inscribed in the grid.

    Raises
    ------
    ValueError
        If the request is fully sampled or impossible, or ``growth`` is negative.

    Notes
    -----
    Distances between pixels take few values (1, 1.41, 2, 2.24, ...), and with them the densities that a single radius
    can give. The radius of each pixel is therefore shifted by a random 0.3 pixel at most, so that the density varies
    smoothly: two samples outside the square are at least ``r - 0.3`` apart.
    """
    ny, nx = check_im_size(im_size)
    _check_acceleration(acceleration)
    if not growth >= 0:
        raise ValueError(f"growth is {growth}; the radius grows by 0 (uniform density) or more.")
    if not 0 <= calibration <= min(ny, nx):
        raise ValueError(f"calibration is {calibration}; the square must fit the grid {(ny, nx)}.")
    budget = round(ny * nx / acceleration)
    y, x = np.mgrid[:ny, :nx]
    eccentricity = np.hypot((y - ny // 2) / (ny / 2), (x - nx // 2) / (nx / 2))
    square = np.zeros((ny, nx), dtype=bool)
    top, left = ny // 2 - calibration // 2, nx // 2 - calibration // 2
    square[top : top + calibration, left : left + calibration] = True
    allowed = ~square & (eccentricity <= 1) if crop_corners else ~square
    wanted = budget - calibration**2
    if wanted < 0 or budget == 0:
        raise ValueError(
            f"Acceleration {acceleration} of a grid {(ny, nx)} buys {budget} samples, and the calibration square of "
            f"{calibration} needs {calibration**2}: lower the acceleration or the square."
        )
    if wanted > allowed.sum():
        raise ValueError(
            f"Acceleration {acceleration} needs {wanted} samples outside the square and the ellipse holds "
            f"{int(allowed.sum())}: raise the acceleration or set crop_corners=False."
        )
    device = generator.device
    order = torch.randperm(ny * nx, generator=generator, device=device).cpu().numpy()
    order = order[allowed.ravel()[order]]
    dither = 0.6 * torch.rand(ny * nx, generator=generator, device=device, dtype=torch.float64).cpu().numpy() - 0.3
    scale = (1 + growth * eccentricity).ravel()

    low, high = 0.0, math.hypot(ny, nx)
    best = order
    while len(best) > wanted and high - low > 1e-3:
        radius = (low + high) / 2
        taken = _throw_darts(order, radius * scale + dither, (ny, nx))
        if len(taken) >= wanted:
            low, best = radius, taken
        else:
            high = radius
    # The last samples taken fill the smallest gaps: dropping the few that exceed the budget keeps every distance.
    mask = square.ravel().copy()
    mask[best[:wanted]] = True
    return _checked(torch.from_numpy(mask.reshape(ny, nx)).to(device), acceleration, budget)


def radial_on_grid(
    im_size: tuple[int, int],
    *,
    spokes: int | None = None,
    acceleration: float | None = None,
    ordering: Literal["uniform", "golden"] = "uniform",
) -> SamplingMask:
    """Spokes through the centre, rasterised on the Cartesian grid; a diameter of the inscribed ellipse each.

    Parameters
    ----------
    im_size
        Grid ``(y, x)``.
    spokes
        Number of diameters. ``nominal`` is then the largest side over ``spokes``.
    acceleration
        Instead of ``spokes``: the number of spokes is the one whose true acceleration is nearest.
    ordering
        ``"uniform"`` divides the half circle evenly; ``"golden"`` turns by 180/1.618 degrees each time.

    Raises
    ------
    ValueError
        If not exactly one of ``spokes`` and ``acceleration`` is given, or no number of spokes gives the acceleration.
    """
    ny, nx = check_im_size(im_size)
    if (spokes is None) == (acceleration is None):
        raise ValueError("Give either spokes or acceleration.")
    if ordering not in ("uniform", "golden"):
        raise ValueError(f"ordering is {ordering!r}; use 'uniform' or 'golden'.")
    if acceleration is None:
        if spokes is None or spokes < 1:
            raise ValueError(f"spokes is {spokes}; use 1 or more.")
        return SamplingMask(_raster((ny, nx), spokes, ordering), max(ny, nx) / spokes)
    _check_acceleration(acceleration)
    candidates = (SamplingMask(_raster((ny, nx), s, ordering), acceleration) for s in range(1, 2 * (ny + nx)))
    best: SamplingMask | None = None
    for candidate in candidates:
        if best is None or abs(candidate.acceleration - acceleration) < abs(best.acceleration - acceleration):
            best = candidate
        if candidate.acceleration < 0.9 * acceleration:
            break
    if best is None or abs(best.acceleration / acceleration - 1) > 0.5:
        raise ValueError(f"No number of spokes on a grid {(ny, nx)} gives an acceleration near {acceleration}.")
    return best


def _throw_darts(order: np.ndarray, radius: np.ndarray, im_size: tuple[int, int]) -> np.ndarray:
    ny, nx = im_size
    # A pixel at distance d is blocked when d^2 < radius^2; d^2 is an integer, so few disks serve all radii.
    reach = np.where(radius > 0, np.ceil(np.maximum(radius, 0) ** 2), 0).astype(np.int64)
    pad = int(math.sqrt(reach.max())) + 1
    width = nx + 2 * pad
    status = bytearray((ny + 2 * pad) * width)
    blocked = np.frombuffer(status, dtype=bool).reshape(-1, width)  # the same bytes, as an array
    disks: dict[int, tuple[int, np.ndarray]] = {}
    taken = []
    for pixel, square in zip(order.tolist(), reach[order].tolist(), strict=True):
        row, column = pixel // nx + pad, pixel % nx + pad
        if status[row * width + column]:
            continue
        taken.append(pixel)
        if square > 1:
            if square not in disks:
                half = math.isqrt(square - 1)
                steps = np.arange(-half, half + 1)
                disks[square] = half, steps[:, None] ** 2 + steps**2 < square
            half, disk = disks[square]
            blocked[row - half : row + half + 1, column - half : column + half + 1] |= disk
    return np.array(taken, dtype=np.int64)


def _raster(im_size: tuple[int, int], spokes: int, ordering: str) -> Tensor:
    ny, nx = im_size
    turn = math.pi / spokes if ordering == "uniform" else math.pi * (math.sqrt(5) - 1) / 2
    angles = turn * torch.arange(spokes, dtype=torch.float64)
    along = torch.linspace(-1, 1, 4 * max(ny, nx) + 1, dtype=torch.float64)
    y = torch.round(ny // 2 + torch.outer(torch.sin(angles), along) * (ny / 2)).long().flatten()
    x = torch.round(nx // 2 + torch.outer(torch.cos(angles), along) * (nx / 2)).long().flatten()
    inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
    mask = torch.zeros(ny, nx, dtype=torch.bool)
    mask[y[inside], x[inside]] = True
    return mask


def _check_acceleration(acceleration: float) -> None:
    if not acceleration > 1 or not math.isfinite(acceleration):
        raise ValueError(
            f"acceleration is {acceleration}; it must be finite and more than 1. "
            "For full sampling use torch.ones(im_size, dtype=torch.bool)."
        )


def _line_count(im_size: tuple[int, int], axis: str) -> int:
    if axis not in ("x", "y"):
        raise ValueError(f"axis is {axis!r}; the phase-encoding axis is 'x' (columns) or 'y' (rows).")
    ny, nx = check_im_size(im_size)
    return nx if axis == "x" else ny


def _line_budget(im_size: tuple[int, int], acceleration: float, center_share: float, axis: str) -> tuple[int, int, int]:
    lines = _line_count(im_size, axis)
    _check_acceleration(acceleration)
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


def _spread(chosen: Tensor, im_size: tuple[int, int], axis: str, nominal: float, budget: int | None) -> SamplingMask:
    ny, nx = check_im_size(im_size)
    mask = (chosen[None, :] if axis == "x" else chosen[:, None]).expand(ny, nx).clone()
    return _checked(mask, nominal, None if budget is None else budget * (ny if axis == "x" else nx))


def _checked(mask: Tensor, nominal: float, samples: int | None) -> SamplingMask:
    if samples is not None and int(mask.sum()) != samples:
        raise AssertionError(f"The mask has {int(mask.sum())} samples, its budget is {samples}.")
    return SamplingMask(mask, float(nominal))
