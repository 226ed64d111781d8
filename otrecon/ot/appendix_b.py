"""The multiscale barycenter that seed 000 lists in its appendix B, with the defaults it was used with (000-M8).

A reproduction to be measured, not a method to be used: :func:`otrecon.ot.barycenter` is. Written from what the listing
does, step by step:

- logarithms of the images, a constant of 1e-30 added first so that no pixel is empty;
- a pyramid by halving, in which a coarse pixel is the *sum of the logarithms* of its four pixels: the logarithm of
  their product, where the mass of the four would be the sum. It serves as a first guess only;
- the three coarsest levels dropped; on each other level a temperature falling from (2/n)^2 to (1/n)^2, five updates at
  each value, twenty at the last value of the finest level; no test of convergence;
- debiased updates in the log domain, one logarithm of a sum of exponentials for each pair of pixels in a line;
- potentials carried to the next level by bilinear interpolation.

Known shortcomings, each of them tested: the result is not converged, so that its mass falls short of 1 (by a few
percent for neighbouring frames of 32 x 32, by half and more for distant shapes of 128 x 128); only square images whose
side returns when the coarsest level is doubled; the cost lacks the factor 1/2 and the length of the image is n - 1
pixels, so that the smoothing is (n - 1) / (n sqrt(2)) pixels: see :func:`appendix_b_blur`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

__all__ = ["appendix_b_barycenter", "appendix_b_blur"]

_DROPPED_LEVELS = 3
_UPDATES = 5


def appendix_b_blur(n: int) -> float:
    """Return the blur, in pixels and in the convention of this package, that the listing ends with.

    Its cost is the squared distance on a line of length 1 that holds ``n`` pixels, its last temperature 1/n^2. With
    the cost |x - y|^2 / 2 in pixels that is a blur of (n - 1) / (n sqrt(2)).
    """
    return (n - 1) / (n * math.sqrt(2))


def appendix_b_barycenter(
    measures: Tensor,
    weights: Tensor | None = None,
    *,
    floor: float = 1e-30,
    scaling: float = 0.7,
    last_updates: int = 20,
) -> Tensor:
    """Barycenter of square images by the listing of seed 000, appendix B.

    Parameters
    ----------
    measures
        Images of mass 1, shape ``(..., K, n, n)``, float32 or float64, non-negative. ``n`` must come back when its
        coarsest level (the fourth of the pyramid) is doubled: powers of two from 8, or 208 = 13 * 16, but not 200.
    weights
        Shape ``(K,)``, non-negative. Default: 1/2 each, as in the listing; two measures only.
    floor
        Added to every pixel before the logarithm.
    scaling
        Ratio of successive lengths in the falling temperature.
    last_updates
        Updates at the last temperature of the finest level. The listing has 20; raise it to see what they left out.

    Returns
    -------
    Tensor
        Shape ``(..., n, n)``, without gradient, not normalised: its mass shows how far it is from convergence.

    Raises
    ------
    TypeError
        If the measures are not real floating-point tensors.
    ValueError
        If shapes, weights or settings do not fit.
    """
    _check(measures, weights, floor, scaling, last_updates)
    count = measures.shape[-3]
    if weights is None:
        weights = measures.new_full((count,), 0.5)
    shares = weights.to(measures)[:, None, None]
    with torch.no_grad():
        levels = _pyramid((measures + floor).log())
        potentials = torch.zeros_like(levels[0])
        correction = torch.zeros_like(levels[0][..., 0, :, :])
        for level, images in enumerate(levels):
            side = images.shape[-1]
            line = torch.linspace(0, 1, side, dtype=measures.dtype, device=measures.device)
            cost = (line[:, None] - line).square()
            finest = level == len(levels) - 1
            temperatures = _temperatures(2 / side, 1 / side, scaling)
            for step, temperature in enumerate(temperatures):
                last = finest and step == len(temperatures) - 1
                kernel = -cost / temperature
                for _ in range(last_updates if last else _UPDATES):
                    spread = _log_blur(images - _log_blur(potentials, kernel), kernel)
                    centre = correction + (shares * spread).sum(-3)
                    correction = (correction + centre - _log_blur(correction, kernel)) / 2
                    potentials = centre[..., None, :, :] - spread
            if not finest:
                correction, potentials = _doubled(correction), _doubled(potentials)
    return centre.exp()


def _temperatures(start: float, end: float, scaling: float) -> list[float]:
    """List squares of lengths that fall by ``scaling``; the first stands twice, the last is exactly ``end`` squared."""
    steps = math.ceil(math.log(end / start) / math.log(scaling) - 1e-12)
    return [start**2, *(start**2 * scaling ** (2 * k) for k in range(steps)), end**2]


def _pyramid(logs: Tensor) -> list[Tensor]:
    """Halve until a pixel is left, list from coarse to fine, drop the coarsest three."""
    levels = [logs]
    for _ in range(int(math.log2(logs.shape[-1]))):
        finer = levels[0].flatten(0, -3)
        levels.insert(0, 4 * avg_pool2d(finer, 2).unflatten(0, logs.shape[:-2]))
    return levels[_DROPPED_LEVELS:]


def _log_blur(logs: Tensor, kernel: Tensor) -> Tensor:
    """Apply the kernel along both axes: logarithm of the sum of exponentials, every pair of pixels of a line."""
    logs = torch.logsumexp(kernel[:, :, None] + logs[..., None, :, :], dim=-2)
    return torch.logsumexp(kernel + logs[..., :, None, :], dim=-1)


def _doubled(image: Tensor) -> Tensor:
    flat = image.reshape(-1, 1, *image.shape[-2:])
    finer = interpolate(flat, scale_factor=2, mode="bilinear", align_corners=False)
    return finer.reshape(*image.shape[:-2], *finer.shape[-2:])


def _check(measures: Tensor, weights: Tensor | None, floor: float, scaling: float, last_updates: int) -> None:
    if not isinstance(measures, Tensor) or not measures.dtype.is_floating_point:
        what = measures.dtype if isinstance(measures, Tensor) else type(measures).__name__
        raise TypeError(f"measures must be a real floating-point tensor, got {what}; see otrecon.ot.to_measure.")
    if measures.ndim < 3 or measures.shape[-1] != measures.shape[-2]:
        raise ValueError(
            f"The listing of appendix B takes square images (..., K, n, n), got {tuple(measures.shape)}; "
            "use otrecon.ot.barycenter for other shapes."
        )
    n = measures.shape[-1]
    halvings = int(math.log2(n)) - _DROPPED_LEVELS
    if halvings < 0 or n % 2**halvings:
        raise ValueError(
            f"The listing of appendix B halves {n} down to {n >> max(halvings, 0)} and cannot come back by doubling; "
            "it takes 8, 16, 32, 64, ... or 208. Use otrecon.ot.barycenter for other sizes."
        )
    if not bool((measures >= 0).all()):
        raise ValueError("measures must be non-negative and free of NaN; see otrecon.ot.to_measure.")
    count = measures.shape[-3]
    if weights is None and count != 2:
        raise ValueError(
            f"The default weights of 1/2 are for two measures, got {count}; give weights of shape ({count},)."
        )
    if weights is not None and (weights.shape != (count,) or not bool((weights >= 0).all())):
        raise ValueError(
            f"weights must be {count} non-negative numbers, one a measure, got shape {tuple(weights.shape)}."
        )
    if not floor > 0:
        raise ValueError(f"floor must be positive, the logarithm of an empty pixel is not finite; got {floor}.")
    if not 0 < scaling < 1:
        raise ValueError(f"scaling must lie between 0 and 1, got {scaling}.")
    if last_updates < 1:
        raise ValueError(f"last_updates must be at least 1, got {last_updates}.")
