"""A brain-like slice of many tissues, whose contrast follows from relaxation times and a pulse sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch

from otrecon.phantoms.checks import check_count
from otrecon.phantoms.ellipses import EllipsePhantom
from otrecon.phantoms.nested import AIR, Part, paint
from otrecon.randomness import check_generator

__all__ = ["BRAIN_TISSUES", "PD_WEIGHTED", "T1_WEIGHTED", "T2_WEIGHTED", "SpinEcho", "Tissue", "brain_phantom"]


class Tissue(NamedTuple):
    """Proton density relative to water, and relaxation times in milliseconds."""

    proton_density: float
    t1: float
    t2: float


class SpinEcho(NamedTuple):
    """Repetition and echo time of a spin-echo sequence, in milliseconds."""

    repetition_time: float
    echo_time: float

    def signal(self, tissue: Tissue) -> float:
        """Signal ``PD (1 - exp(-TR / T1)) exp(-TE / T2)``, in units of fully relaxed water.

        Raises
        ------
        ValueError
            If a time is not positive, or the echo does not come before the next repetition.
        """
        if not 0 < self.echo_time < self.repetition_time or min(tissue.t1, tissue.t2) <= 0:
            raise ValueError(f"Times must be positive, and the echo before the repetition; got {self} and {tissue}.")
        recovery = -math.expm1(-self.repetition_time / tissue.t1)
        return tissue.proton_density * recovery * math.exp(-self.echo_time / tissue.t2)


T1_WEIGHTED = SpinEcho(500.0, 10.0)
T2_WEIGHTED = SpinEcho(4000.0, 100.0)
PD_WEIGHTED = SpinEcho(8000.0, 10.0)

# Rounded from values measured at 3 T: Wansapura et al. 1999 (white and grey matter), Stanisz et al. 2005 (blood),
# Gold et al. 2004 (fat). Cortical bone decays before the echo. Lesion: between grey matter and fluid.
BRAIN_TISSUES: Mapping[str, Tissue] = MappingProxyType(
    {
        "fat": Tissue(0.90, 370.0, 130.0),
        "bone": Tissue(0.05, 300.0, 1.0),
        "fluid": Tissue(1.00, 4000.0, 2000.0),
        "grey": Tissue(0.82, 1330.0, 110.0),
        "white": Tissue(0.70, 830.0, 80.0),
        "lesion": Tissue(0.85, 1500.0, 180.0),
        "blood": Tissue(0.85, 1930.0, 275.0),
    }
)
_CORTEX, _WHITE = (0.76, 0.57), (0.62, 0.44)


def brain_phantom(
    sequence: SpinEcho = T1_WEIGHTED,
    *,
    generator: torch.Generator | None = None,
    lesions: int = 3,
    tissues: Mapping[str, Tissue] = BRAIN_TISSUES,
) -> EllipsePhantom:
    """Axial slice: scalp fat, skull, fluid, folded cortex, white matter, ventricles, deep nuclei, lesions, vessels.

    Parameters
    ----------
    sequence
        Pulse sequence, which makes the contrast.
    generator
        Source of one person's anatomy: sizes and places of the inner structures, the sulci and the lesions. The draws
        do not depend on the sequence, so equally seeded generators give one brain in two contrasts. None: the average
        brain.
    lesions
        Number of lesions in the white matter, at most 6.
    tissues
        Parameters of every tissue named in ``BRAIN_TISSUES``.

    Returns
    -------
    EllipsePhantom
        Field of view from -1 to 1, forehead up; intensities in units of fully relaxed water. Every tissue lies wholly
        inside its parent, so the image takes the tissues' signals and no other value (partial volumes at edges apart).

    Raises
    ------
    ValueError
        If ``lesions`` is not within [0, 6], a tissue is missing, or a time is not positive.
    TypeError
        If ``sequence`` is no `SpinEcho`, or ``generator`` no generator.
    """
    if not isinstance(sequence, SpinEcho):
        raise TypeError(
            f"sequence must be a SpinEcho, got {sequence!r}: pass phantoms.T1_WEIGHTED, T2_WEIGHTED or PD_WEIGHTED, "
            "or SpinEcho(repetition_time, echo_time) in milliseconds."
        )
    if generator is not None:
        check_generator(generator)
    check_count("lesions", lesions, least=0)
    if lesions > 6:
        raise ValueError(f"lesions must be at most 6, the places that do not touch each other; got {lesions}.")
    signals = {name: sequence.signal(tissue) for name, tissue in tissues.items()}
    vary = _Variation(generator)
    parts = [*_head(), *_folds(vary), *_deep_structures(vary), *_lesions(vary, lesions)]
    return EllipsePhantom(paint(parts, signals))


class _Variation:
    """Uniform draws around a middle value; without a generator, the middle value itself."""

    def __init__(self, generator: torch.Generator | None) -> None:
        self.generator = generator

    def __call__(self, middle: float, width: float) -> float:
        if self.generator is None:
            return middle
        uniform = torch.rand((), dtype=torch.float64, generator=self.generator, device=self.generator.device)
        return middle + width * (2 * float(uniform) - 1)


def _head() -> list[Part]:
    head = [
        Part("fat", AIR, (0.0, 0.0), (0.93, 0.74)),
        Part("bone", "fat", (0.0, 0.0), (0.88, 0.69)),
        Part("fluid", "bone", (0.0, 0.0), (0.82, 0.63)),
        Part("grey", "fluid", (0.0, 0.0), _CORTEX),
        Part("white", "grey", (0.0, 0.0), _WHITE),
    ]
    # Sinus at the back and arteries around the brain, in the fluid between bone and cortex.
    places = [(90, 0.016), (-90, 0.012), (20, 0.012), (160, 0.012), (-35, 0.01), (-145, 0.01)]
    vessels = [(0.79 * math.sin(math.radians(a)), 0.60 * math.cos(math.radians(a)), r) for a, r in places]
    return head + [Part("blood", "fluid", (y, x), (r, r)) for y, x, r in vessels]


def _folds(vary: _Variation) -> list[Part]:
    """Clefts of fluid and tongues of white matter, taking turns along the cortex and staying within it."""
    parts = []
    folds = 26
    y, x = (0.5 * (outer + inner) for outer, inner in zip(_CORTEX, _WHITE, strict=True))
    for index in range(2 * folds):
        cleft = index % 2 == 0
        turn = math.pi * (index + vary(0.5, 0.2)) / folds
        # Along the normal of the ellipse half-way through the cortex.
        normal = math.atan2(math.sin(turn) / y, math.cos(turn) / x)
        depth, width, shift = vary(0.042, 0.008), 0.008 if cleft else 0.015, 0.012 if cleft else -0.012
        centre = (y * math.sin(turn) + shift * math.sin(normal), x * math.cos(turn) + shift * math.cos(normal))
        parts.append(Part("fluid" if cleft else "white", "grey", centre, (width, depth), normal))
    return parts


def _deep_structures(vary: _Variation) -> list[Part]:
    parts = [Part("fluid", "white", (0.17, 0.0), (vary(0.075, 0.02), vary(0.013, 0.004)))]
    ventricle, caudate, thalamus, putamen = vary(1.0, 0.15), vary(1.0, 0.1), vary(1.0, 0.1), vary(1.0, 0.1)
    for side in (-1, 1):
        tilt = -side * 0.12
        parts += [
            Part("fluid", "white", (-0.16, side * 0.085), (0.18 * ventricle, 0.040 * ventricle), tilt),
            Part("grey", "white", (-0.22, side * 0.185), (0.085 * caudate, 0.036 * caudate), tilt),
            Part("grey", "white", (0.17, side * 0.105), (0.10 * thalamus, 0.070 * thalamus), tilt),
            Part("grey", "white", (-0.02, side * 0.255), (0.13 * putamen, 0.048 * putamen), tilt),
        ]
    return parts


def _lesions(vary: _Variation, count: int) -> list[Part]:
    """Spots in the rim of white matter around the deep nuclei, one in each of six sectors at most."""
    parts = []
    for sector in (-62, 60, -130, 120, 28, 152)[:count]:
        turn, depth = math.radians(vary(sector, 6)), vary(0.80, 0.04)
        centre = (depth * _WHITE[0] * math.sin(turn), depth * _WHITE[1] * math.cos(turn))
        parts.append(Part("lesion", "white", centre, (vary(0.030, 0.010), vary(0.022, 0.006)), vary(0.0, 1.5)))
    return parts
