"""A beating heart in short-axis view, of ellipses: images, and exact k-space at every moment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from otrecon.phantoms.checks import check_count
from otrecon.phantoms.coils import HarmonicCoils
from otrecon.phantoms.ellipses import EllipsePhantom
from otrecon.phantoms.nested import AIR, Part, paint

__all__ = ["CARDIAC_INTENSITIES", "PhantomSequence", "cardiac_phantom", "heart_at"]

# Looks of a balanced steady-state cine: bright blood and fat, dark lung. Arbitrary units.
CARDIAC_INTENSITIES: Mapping[str, float] = MappingProxyType(
    {"fat": 0.85, "muscle": 0.35, "lung": 0.06, "blood": 1.0, "myocardium": 0.40, "bone": 0.25}
)
# End-diastolic radii of the left ventricle: cavity and outer wall.
_CAVITY, _WALL = 0.150, 0.215


@dataclass(frozen=True)
class PhantomSequence:
    """Phantoms in order of time, with one image and one k-space each.

    Parameters
    ----------
    frames
        One :class:`~otrecon.phantoms.ellipses.EllipsePhantom` a frame.

    Raises
    ------
    ValueError
        If there is no frame.
    """

    frames: tuple[EllipsePhantom, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", tuple(self.frames))
        if not self.frames:
            raise ValueError("A PhantomSequence needs at least one frame.")

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)

    def image(
        self, im_size: Sequence[int], *, supersample: int = 16, dtype: torch.dtype | None = None, device: Any = None
    ) -> Tensor:
        """Image sequence ``(t, y, x)``; arguments as :meth:`~otrecon.phantoms.ellipses.EllipsePhantom.image`."""
        images = [frame.image(im_size, supersample=supersample, dtype=dtype, device=device) for frame in self.frames]
        return torch.stack(images)

    def kspace(self, ktraj: Tensor, im_size: Sequence[int], *, coils: HarmonicCoils | None = None) -> Tensor:
        """Exact k-space of every frame.

        Parameters
        ----------
        ktraj
            ``(2, samples)`` for all frames, or ``(t, 2, samples)`` with one trajectory a frame; rad/voxel.
        im_size, coils
            As for :meth:`~otrecon.phantoms.ellipses.EllipsePhantom.kspace`.

        Returns
        -------
        Tensor
            ``(t, samples)``, or ``(t, coils, samples)`` with coils.

        Raises
        ------
        ValueError
            If there is neither one trajectory nor one a frame.
        """
        if ktraj.ndim == 3 and len(ktraj) != len(self):
            raise ValueError(f"Got {len(ktraj)} trajectories for {len(self)} frames: give one, or one a frame.")
        each = ktraj if ktraj.ndim == 3 else [ktraj] * len(self)
        return torch.stack([f.kspace(k, im_size, coils=coils) for f, k in zip(self.frames, each, strict=True)])

    def cartesian_kspace(
        self,
        im_size: Sequence[int],
        *,
        coils: HarmonicCoils | None = None,
        dtype: torch.dtype = torch.complex64,
        device: Any = None,
    ) -> Tensor:
        """Exact k-space on the grid, ``(t, ny, nx)`` or ``(t, coils, ny, nx)``; arguments as for one phantom."""
        return torch.stack(
            [frame.cartesian_kspace(im_size, coils=coils, dtype=dtype, device=device) for frame in self.frames]
        )


def heart_at(
    phase: float, *, ejection: float = 0.6, intensities: Mapping[str, complex] = CARDIAC_INTENSITIES
) -> EllipsePhantom:
    """Slice through the chest at one moment of the cardiac cycle.

    Parameters
    ----------
    phase
        Moment in cycles; whole numbers are end-diastole. End-systole comes at 0.37 of the cycle: the heart contracts
        faster than it fills. Any real number, so that each spoke of a scan can have its own.
    ejection
        Fraction of the left ventricle's area that is lost at end-systole, within [0, 0.8].
    intensities
        Intensity of every tissue named in ``CARDIAC_INTENSITIES``.

    Returns
    -------
    EllipsePhantom
        Field of view from -1 to 1, breastbone up, the right ventricle on the left as in radiology. The area of the
        left ventricle's wall is the same at every moment: muscle does not compress, it thickens.

    Raises
    ------
    ValueError
        If ``phase`` is not finite, ``ejection`` is out of range, or a tissue has no intensity.
    """
    if not math.isfinite(phase):
        raise ValueError(f"phase must be a finite number of cycles, got {phase}.")
    if not 0 <= ejection <= 0.8:
        raise ValueError(f"ejection must lie within [0, 0.8] of the area, got {ejection}.")
    turn = 2 * math.pi * (phase % 1.0)
    contraction = (1 - math.cos(turn + 0.5 * (1 - math.cos(turn)))) / 2
    cavity = _CAVITY * math.sqrt(1 - ejection * contraction)
    return EllipsePhantom(paint([*_chest(), *_heart(cavity, contraction * ejection)], intensities))


def cardiac_phantom(
    frames: int, *, ejection: float = 0.6, intensities: Mapping[str, complex] = CARDIAC_INTENSITIES
) -> PhantomSequence:
    """One cardiac cycle: :func:`heart_at` at phases ``0, 1 / frames, ...``; the next frame would be the first again.

    Parameters
    ----------
    frames
        Number of frames, at least 1.
    ejection, intensities
        As for :func:`heart_at`.

    Returns
    -------
    PhantomSequence
        Images ``(frames, ny, nx)`` and exact k-space.
    """
    check_count("frames", frames, least=1)
    return PhantomSequence(
        tuple(heart_at(frame / frames, ejection=ejection, intensities=intensities) for frame in range(frames))
    )


def _chest() -> list[Part]:
    return [
        Part("fat", AIR, (0.0, 0.0), (0.72, 0.94)),
        Part("muscle", "fat", (0.0, 0.0), (0.65, 0.86)),
        Part("lung", "muscle", (-0.02, 0.0), (0.53, 0.74)),
        Part("bone", "lung", (0.38, 0.0), (0.09, 0.12)),
        Part("blood", "lung", (0.39, 0.19), (0.045, 0.045)),
    ]


def _heart(cavity: float, shortening: float) -> list[Part]:
    """Nest the left ventricle in the right one, whose visible rest is a crescent, and that in fat."""
    wall = math.sqrt(_WALL**2 - _CAVITY**2 + cavity**2)
    tilt = 0.35
    right = (0.285 * (1 - 0.18 * shortening), 0.375 * (1 - 0.22 * shortening))
    # The left ventricle stays against the lateral wall of the right one; the heart as a whole moves a little.
    middle = (-0.06 - 0.02 * shortening, 0.06 + 0.02 * shortening)
    offset = 0.79 * (right[1] - wall)
    left = (middle[0] + offset * math.sin(tilt), middle[1] + offset * math.cos(tilt))
    parts = [
        Part("fat", "lung", (-0.06, 0.06), (0.345, 0.435), tilt),
        Part("myocardium", "fat", middle, (right[0] + 0.022, right[1] + 0.022), tilt),
        Part("blood", "myocardium", middle, right, tilt),
        Part("myocardium", "blood", left, (wall, wall)),
        Part("blood", "myocardium", left, (cavity, cavity)),
    ]
    for direction in (1.1, 2.9):
        centre = (left[0] + 0.6 * cavity * math.sin(direction), left[1] + 0.6 * cavity * math.cos(direction))
        parts.append(Part("myocardium", "blood", centre, (0.16 * cavity, 0.16 * cavity)))
    return parts
