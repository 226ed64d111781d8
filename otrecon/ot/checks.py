"""Questions that every entry of the room asks of its input, and the answers that say what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import torch
from torch import Tensor

from otrecon.checks import check_count, check_positive, kind

__all__ = [
    "check_constant",
    "check_cost",
    "check_displacement_cost",
    "check_length",
    "check_mass",
    "check_masses",
    "check_measure",
    "check_reach",
    "check_real",
    "check_settings",
    "check_shape",
    "check_spacing",
    "check_weights",
]

REAL = (torch.float32, torch.float64)

LONGEST = 1e50
"""Lengths and masses from 1 / LONGEST to LONGEST: their squares and products stay far inside float64."""


def check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a grid, or raise TypeError or ValueError."""
    if isinstance(shape, Tensor) or not isinstance(shape, Sequence) or isinstance(shape, str):
        raise TypeError(f"shape must be 1 to 3 integers, such as (64, 64), got {kind(shape)}.")
    sizes = tuple(shape)
    if any(isinstance(n, bool) or not isinstance(n, Integral) for n in sizes):
        raise TypeError(f"shape must be integers, got {sizes}.")
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise ValueError(
            f"shape must be 1 to 3 positive integers, got {sizes}; leading axes of a measure are its batch."
        )
    return tuple(int(n) for n in sizes)


def check_spacing(spacing: float | Sequence[float], ndim: int) -> tuple[float, ...]:
    """Return the spacing along each axis, or raise TypeError or ValueError."""
    values = [float(spacing)] * ndim if isinstance(spacing, Real) else spacing
    if isinstance(values, (Tensor, str)) or not isinstance(values, Sequence):
        raise TypeError(f"spacing must be a number, or one for each axis, got {kind(spacing)}.")
    if len(values) != ndim:
        raise ValueError(f"spacing has {len(values)} numbers for {ndim} axes; give one number, or one for each axis.")
    return tuple(check_length("spacing", value) for value in values)


def check_length(name: str, value: float) -> float:
    """Return a positive finite number as a float, or raise TypeError or ValueError."""
    value = check_positive(name, value)
    if not 1 / LONGEST <= value <= LONGEST:
        raise ValueError(f"{name} must lie between {1 / LONGEST:.0e} and {LONGEST:.0e}, got {value}: change the unit.")
    return value


def check_reach(reach: float | None) -> float:
    """Return the reach, infinite for None."""
    if reach is None:
        return math.inf
    if reach == math.inf:
        raise ValueError("reach=inf is balanced transport: leave reach out, or give None.")
    return check_length("reach", reach)


def check_settings(tol: float, max_iterations: int) -> None:
    """Raise TypeError or ValueError unless a tolerance and a limit make sense."""
    check_positive("tol", tol)
    check_count("max_iterations", max_iterations)


def check_real(name: str, values: Tensor) -> None:
    """Raise TypeError unless values are a tensor of float32 or float64."""
    if not isinstance(values, Tensor):
        way = "stack makes one of several" if isinstance(values, Sequence) else "as_tensor makes one of a numpy array"
        raise TypeError(f"{name} must be a tensor, got {kind(values)}; torch.{way}.")
    if values.is_complex():
        raise TypeError(f"{name} is complex; mass is real: to_measure takes the modulus and normalises.")
    if values.dtype not in REAL:
        raise TypeError(
            f"{name} has dtype {values.dtype}; transport takes float32 or float64: {name}.to(torch.float64)."
        )


def check_measure(name: str, values: Tensor, shape: tuple[int, ...]) -> None:
    """Raise TypeError or ValueError unless values are measures of a shape: real, finite, non-negative, not empty."""
    check_real(name, values)
    if tuple(values.shape[values.ndim - len(shape) :]) != shape or values.ndim < len(shape):
        raise ValueError(
            f"{name} has shape {tuple(values.shape)}, the geometry {shape}: the last {len(shape)} axes must be equal, "
            "those before are the batch."
        )
    if values.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(values.shape)}: the batch is empty.")
    if not bool(torch.isfinite(values).all()):
        raise ValueError(f"{name} contains NaN or infinity; mend the image first.")
    lowest = float(values.detach().min())
    if lowest < 0:
        raise ValueError(
            f"{name} has negative values down to {lowest:.3g}; mass is not negative: clip them if they are noise, or "
            "move the positive and the negative part apart."
        )
    total = values.detach().flatten(values.ndim - len(shape)).sum(-1, dtype=torch.float64)
    if bool((total == 0).any()):
        member = "" if total.ndim == 0 else f" in member {(total == 0).nonzero()[0].tolist()} of its batch"
        raise ValueError(
            f"{name} holds no mass{member} (all its values are zero): there is nothing to move. The last {len(shape)} "
            "axes are space, those before a batch."
        )
    if bool(torch.isinf(total).any()):
        raise ValueError(f"{name} holds more mass than float64 can add up: divide it by its largest value.")


def check_mass(name: str, values: Tensor, dims: int) -> None:
    """Raise ValueError unless the masses of measures are neither so large nor so small that products of two fail."""
    total = values.detach().flatten(values.ndim - dims).sum(-1, dtype=torch.float64)
    for extreme in (float(total.min()), float(total.max())):
        if not 1 / LONGEST <= extreme <= LONGEST:
            raise ValueError(
                f"{name} has mass {extreme:.3g}, transport takes {1 / LONGEST:.0e} to {LONGEST:.0e}: "
                "to_measure normalises, or change the unit."
            )


def check_masses(
    a: Tensor,
    b: Tensor,
    dims_a: int,
    dims_b: int,
    names: tuple[str, str] = ("a", "b"),
    way_out: str = "or give reach= to let mass appear and vanish",
) -> None:
    """Raise ValueError unless two measures have the same mass, up to the rounding of their dtype."""
    coarse = torch.float32 in (a.dtype, b.dtype)
    first, second = (m.detach().double().flatten(m.ndim - dims).sum(-1) for m, dims in ((a, dims_a), (b, dims_b)))
    gap = (first - second).abs() / torch.maximum(first, second)
    if bool((gap > (1e-5 if coarse else 1e-9)).any()):
        worst = int(gap.flatten().argmax())
        one, other = (float(m.expand_as(gap).flatten()[worst]) for m in (first, second))
        raise ValueError(
            f"{names[0]} has mass {one:.10g} and {names[1]} {other:.10g}, and balanced transport keeps mass: normalise "
            f"both with to_measure, {way_out}."
        )


def check_weights(weights: Tensor | Sequence[float] | None, count: int, device: torch.device) -> Tensor:
    """Return shares ``(..., count)`` in float64 that add up to 1, by default equal ones; or raise.

    A sum that is 1 up to rounding is divided out.
    """
    if weights is None:
        return torch.full((count,), 1 / count, dtype=torch.float64, device=device)
    if not isinstance(weights, Tensor):
        try:
            weights = torch.as_tensor(weights, dtype=torch.float64, device=device)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"weights must be a tensor, an array or a list of numbers, got {kind(weights)}.") from None
    check_real("weights", weights)
    if weights.device != device:
        raise TypeError(f"weights are on {weights.device}, the measures on {device}: bring them to one device.")
    if weights.shape[-1:] != (count,):
        raise ValueError(
            f"weights has shape {tuple(weights.shape)}; {count} measures need one weight for each, along the last axis."
        )
    shares = weights.double()
    values = shares.detach()
    if not bool(torch.isfinite(values).all()) or bool((values < 0).any()):
        raise ValueError("weights must be finite and at least 0.")
    total = values.sum(-1, keepdim=True)
    if bool(((total - 1).abs() > 1e-5).any()):
        raise ValueError(f"weights must add up to 1, got a sum of {float(total.flatten()[0]):.6g}: divide by it.")
    return shares / total


def check_cost(cost: Tensor) -> Tensor:
    """Return a cost matrix in float64, or raise TypeError or ValueError."""
    check_real("cost", cost)
    if cost.ndim != 2 or cost.numel() == 0:
        raise ValueError(f"cost must be a matrix (sources, targets), got shape {tuple(cost.shape)}.")
    if not bool(torch.isfinite(cost).all()):
        raise ValueError("cost contains NaN or infinity; a forbidden move gets a large finite cost.")
    check_constant("cost", cost)
    return cost.to(torch.float64, copy=True)


def check_displacement_cost(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the costs of all displacements in float64, or raise TypeError or ValueError."""
    if not isinstance(values, Tensor):
        raise TypeError(f"cost must return a tensor, got {kind(values)}.")
    if values.is_complex():
        raise TypeError("cost must return real numbers, got complex ones.")
    try:
        check_constant("cost", values)
        values = values.to(torch.float64).expand(shape)
    except RuntimeError:
        raise ValueError(
            f"cost returned shape {tuple(values.shape)} for displacements of shape {shape}; "
            "it must work number by number."
        ) from None
    if not bool(torch.isfinite(values).all()) or bool((values < 0).any()):
        raise ValueError("cost must be finite and at least 0 for every displacement on the grid.")
    return values.contiguous()


def check_constant(name: str, values: Tensor) -> None:
    """Raise ValueError for a tensor that autograd would expect a derivative in."""
    if values.requires_grad:
        raise ValueError(
            f"{name} requires a gradient, and transport has none in it: give {name}.detach(). The derivative of a "
            "value in the costs is the plan, plan.dense()."
        )
