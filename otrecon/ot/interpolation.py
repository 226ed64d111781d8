"""Mass on its way: each parcel travels straight ahead at constant speed, and is painted on the grid where it is."""

from __future__ import annotations

import itertools
import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from otrecon.checks import kind
from otrecon.ot.checks import check_measure, check_real
from otrecon.ot.geometry import RegularGrid
from otrecon.ot.parcels import ParcelPlan

__all__ = ["deposit", "displacement_interpolation"]


def displacement_interpolation(
    transport: Any, time: float, geometry: RegularGrid, *, measure: Tensor | None = None
) -> Tensor:
    r"""Measure at a time between 0 and 1: the mass that moves from x to y is at :math:`(1 - t) x + t y`.

    Parameters
    ----------
    transport
        An `Exact` or its `ParcelPlan`: each parcel travels for itself, and at time 1 the measure is b, exactly. The
        result of `sinkhorn`, or any plan with ``map()`` and ``marginals()``: each pixel travels as a whole to where its
        mass goes on average, so that what entropy blurs is sharpened again, and time 1 is not quite b. Or the map
        itself, ``(..., *shape, ndim)`` in the unit of the spacing, with `measure`.
    time
        Between 0 and 1.
    geometry
        Grid that the measure is painted on: that of the transport, in shape and spacing. Parcels take a finer one as
        well, of the same unit and origin.
    measure
        What a map transports, ``(..., *shape)``; only for a map.

    Returns
    -------
    Tensor
        ``(..., *geometry.shape)``. Mass and centre of mass are kept, to rounding; differentiable in map and measure.

    Raises
    ------
    TypeError
        If the transport is none of the above, or knows no positions.
    ValueError
        If the time lies outside 0 to 1, the measure is missing or does not fit, or mass leaves the grid.

    References
    ----------
    R. McCann, A convexity principle for interacting gases, 1997.
    """
    if isinstance(time, Tensor) and time.ndim == 0:
        time = float(time)
    if isinstance(time, bool) or not isinstance(time, Real):
        raise TypeError(f"time must be one number, got {kind(time)}: call once for each.")
    if not 0 <= time <= 1:
        raise ValueError(f"time is {time}; it runs from 0, the first measure, to 1, the last.")
    _check_grid(geometry)
    plan = transport if isinstance(transport, Tensor | ParcelPlan) else getattr(transport, "plan", transport)
    if isinstance(plan, ParcelPlan):
        plan.check_unit(geometry.shape, geometry.spacing)
        return deposit((1 - time) * plan.start + time * plan.end, plan.mass, geometry)
    if isinstance(plan, Tensor):
        if measure is None:
            raise ValueError("a map alone does not say how much mass it moves; give measure=.")
        image = plan
    elif hasattr(plan, "map") and hasattr(plan, "marginals"):
        own = getattr(plan, "geometry", geometry)
        if isinstance(own, RegularGrid) and (own.shape, own.spacing) != (geometry.shape, geometry.spacing):
            raise ValueError(
                f"the transport lives on {own!r}, the picture on {geometry!r}: give the same shape and spacing."
            )
        image, measure = plan.map(), plan.marginals()[0] if measure is None else measure
    else:
        raise TypeError(
            f"transport is a {type(transport).__name__}; it must be a result of emd or sinkhorn, a plan or a map."
        )
    shape = geometry.shape
    check_real("the map", image)
    check_measure("measure", measure, shape)
    if tuple(image.shape[-geometry.ndim - 1 :]) != (*shape, geometry.ndim):
        expected = ", ".join(map(str, (*shape, geometry.ndim)))
        raise ValueError(f"the map has shape {tuple(image.shape)}; on a grid of shape {shape} it is (..., {expected}).")
    place = (1 - time) * geometry.coordinates().to(image.device) + time * image.double()
    return deposit(place.flatten(-geometry.ndim - 1, -2), measure.flatten(-geometry.ndim), geometry)


def deposit(positions: Tensor, mass: Tensor, geometry: RegularGrid) -> Tensor:
    """Paint point masses on a grid, each shared among the pixels around it as in linear interpolation.

    Mass and centre of mass are kept, to rounding; a point on a pixel stays in it. The variance along an axis grows by
    at most a quarter of the squared spacing.

    Parameters
    ----------
    positions
        ``(..., points, ndim)``, in the unit of the spacing; pixel i of an axis lies at i times its spacing.
    mass
        ``(..., points)``.
    geometry
        The grid.

    Returns
    -------
    Tensor
        ``(..., *geometry.shape)``, dtype and device of `mass`; computed in float64, differentiable in both.

    Raises
    ------
    TypeError, ValueError
        If positions or mass are not real and finite, shapes do not fit, or a point with mass lies outside the outermost
        pixels by more than rounding.
    """
    _check_grid(geometry)
    for name, values in (("positions", positions), ("mass", mass)):
        check_real(name, values)
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"{name} contains NaN or infinity; leave these points out.")
    if positions.shape[-1:] != (geometry.ndim,) or positions.dim() < 2 or positions.shape[-2] != mass.shape[-1]:
        raise ValueError(
            f"positions has shape {tuple(positions.shape)} and mass {tuple(mass.shape)}; expected (..., points, "
            f"{geometry.ndim}) and (..., points)."
        )
    last = torch.tensor([n - 1 for n in geometry.shape], dtype=torch.float64, device=mass.device)
    index = positions.double() / torch.tensor(geometry.spacing, dtype=torch.float64, device=mass.device)
    batch = torch.broadcast_shapes(index.shape[:-2], mass.shape[:-1])
    index, amount = index.expand(*batch, *index.shape[-2:]), mass.double().expand(*batch, -1)
    # Positions that come from measures in float32 are rounded to a share of the whole axis.
    rounding = 1e-6 + 8 * torch.finfo(mass.dtype).eps * max(geometry.shape)
    outside = ~((index >= -rounding) & (index <= last + rounding)).all(-1) & (amount != 0)
    if outside.any():
        raise ValueError(
            f"{int(outside.sum())} points with mass lie outside the grid of shape {tuple(geometry.shape)} and spacing "
            f"{tuple(geometry.spacing)}; pad the images before the transport."
        )
    index = torch.where((amount != 0)[..., None], index, 0.0).clamp(min=0).minimum(last)
    corner = index.detach().floor().minimum((last - 1).clamp(min=0))
    share = index - corner
    image = amount.new_zeros(*batch, math.prod(geometry.shape))
    steps = [math.prod(geometry.shape[k + 1 :]) for k in range(geometry.ndim)]
    for side in itertools.product((0, 1), repeat=geometry.ndim):
        weight, flat = amount, torch.zeros_like(amount, dtype=torch.int64)
        for k, up in enumerate(side):
            weight = weight * (share[..., k] if up else 1 - share[..., k])
            flat = flat + (corner[..., k].long() + up).clamp(max=geometry.shape[k] - 1) * steps[k]
        image = image.scatter_add(-1, flat, weight)
    return image.reshape(*batch, *geometry.shape).to(mass.dtype)


def _check_grid(geometry: RegularGrid) -> None:
    if not isinstance(geometry, RegularGrid):
        raise TypeError(f"a picture needs positions: give a Grid or a Convolution, not a {type(geometry).__name__}.")
