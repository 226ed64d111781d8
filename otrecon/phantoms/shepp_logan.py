"""The Shepp-Logan head, with image and exact k-space."""

from __future__ import annotations

import math

from otrecon.phantoms.ellipses import Ellipse, EllipsePhantom

__all__ = ["shepp_logan"]

# Original intensity, Toft's intensity, semi-axes (y, x), centre (y, x) with y pointing down, angle in degrees.
_HEAD = (
    (2.00, 1.0, (0.9200, 0.6900), (0.0000, 0.00), 0),
    (-0.98, -0.8, (0.8740, 0.6624), (0.0184, 0.00), 0),
    (-0.02, -0.2, (0.3100, 0.1100), (0.0000, 0.22), 18),
    (-0.02, -0.2, (0.4100, 0.1600), (0.0000, -0.22), -18),
    (0.01, 0.1, (0.2500, 0.2100), (-0.3500, 0.00), 0),
    (0.01, 0.1, (0.0460, 0.0460), (-0.1000, 0.00), 0),
    (0.01, 0.1, (0.0460, 0.0460), (0.1000, 0.00), 0),
    (0.01, 0.1, (0.0230, 0.0460), (0.6050, -0.08), 0),
    (0.01, 0.1, (0.0230, 0.0230), (0.6060, 0.00), 0),
    (0.01, 0.1, (0.0460, 0.0230), (0.6050, 0.06), 0),
)


def shepp_logan(*, modified: bool = True) -> EllipsePhantom:
    """Ten ellipses in the shape of a head.

    Parameters
    ----------
    modified
        Toft's contrast, visible to the eye with intensities within [0, 1]; False: the original, whose soft tissues
        differ by 1 per cent of the skull's 2.

    Returns
    -------
    EllipsePhantom
        Field of view from -1 to 1 on both axes, forehead up.

    References
    ----------
    Shepp and Logan, The Fourier reconstruction of a head section, IEEE Trans. Nucl. Sci. 21 (1974), 21-43.
    Toft, The Radon transform: theory and implementation, PhD thesis, Technical University of Denmark (1996).
    Seed row 000-F2.
    """
    return EllipsePhantom(
        tuple(
            Ellipse(toft if modified else original, centre, semi_axes, math.radians(degrees))
            for original, toft, semi_axes, centre, degrees in _HEAD
        )
    )
