"""Synthetic objects, seeded and exact: images in pixels, and k-space that owes nothing to the pixels."""

from otrecon.phantoms.blob import Blob, blob_path, moving_blob
from otrecon.phantoms.brain import (
    BRAIN_TISSUES,
    PD_WEIGHTED,
    T1_WEIGHTED,
    T2_WEIGHTED,
    SpinEcho,
    Tissue,
    brain_phantom,
)
from otrecon.phantoms.cardiac import CARDIAC_INTENSITIES, PhantomSequence, cardiac_phantom, heart_at
from otrecon.phantoms.coils import HarmonicCoils, ring_coils
from otrecon.phantoms.ellipses import Ellipse, EllipsePhantom
from otrecon.phantoms.random import random_ellipses, smooth_phase
from otrecon.phantoms.resolution import resolution_phantom
from otrecon.phantoms.shepp_logan import shepp_logan

__all__ = [
    "BRAIN_TISSUES",
    "CARDIAC_INTENSITIES",
    "PD_WEIGHTED",
    "T1_WEIGHTED",
    "T2_WEIGHTED",
    "Blob",
    "Ellipse",
    "EllipsePhantom",
    "HarmonicCoils",
    "PhantomSequence",
    "SpinEcho",
    "Tissue",
    "blob_path",
    "brain_phantom",
    "cardiac_phantom",
    "heart_at",
    "moving_blob",
    "random_ellipses",
    "resolution_phantom",
    "ring_coils",
    "shepp_logan",
    "smooth_phase",
]
