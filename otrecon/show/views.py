"""One image, seen in the way its kind asks for: k-space in decibels, phase on a circle, a mask with its fraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otrecon.show.arrays import to_array
from otrecon.show.images import row
from otrecon.show.panel import panel

if TYPE_CHECKING:
    from otrecon.show.figure import Picture


def kspace(
    kdata: object,
    *,
    alt: str,
    title: str = "",
    floor: float = -80.0,
    k_unit: str = "cycles/FOV",
    caption: str | None = None,
) -> Picture:
    """Show k-space on a log scale: dB below its maximum, zero frequency at n // 2.

    Parameters
    ----------
    kdata
        Cartesian, ``(ky, kx)``.
    alt, title, caption
        As for `otrecon.show.panel`.
    floor
        dB that is drawn black; zeros are black.
    k_unit
        ``"cycles/FOV"`` or ``"rad/voxel"``.
    """
    return row([panel(kdata, title, kind="kspace", vmin=floor, k_unit=k_unit)], alt=alt, caption=caption)


def phase(image: object, *, alt: str, title: str = "", threshold: float = 0.05, caption: str | None = None) -> Picture:
    """Show the phase in rad on a cyclic map; where the modulus is below `threshold` of its maximum nothing is drawn.

    Parameters
    ----------
    image
        Complex, or real in rad, ``(y, x)``.
    alt, title, caption
        As for `otrecon.show.panel`.
    threshold
        Fraction of the largest modulus; 0 draws every pixel.
    """
    return row([panel(image, title, kind="phase", threshold=threshold)], alt=alt, caption=caption)


def complex_image(
    image: object,
    *,
    alt: str,
    titles: tuple[str, str] = ("Magnitude", "Phase"),
    unit: str = "a.u.",
    threshold: float = 0.05,
    caption: str | None = None,
) -> Picture:
    """Show magnitude and phase of a complex image ``(y, x)`` side by side; parameters as for `phase`."""
    if to_array(image).dtype.kind != "c":
        raise TypeError("image is real; use show.images, or give complex data")
    panels = [
        panel(image, titles[0], unit=unit),
        panel(image, titles[1], kind="phase", threshold=threshold),
    ]
    return row(panels, alt=alt, caption=caption)


def mask(mask: object, *, alt: str, title: str = "", caption: str | None = None) -> Picture:
    """Show a sampling mask ``(ky, kx)``: acquired samples white, their fraction underneath."""
    return row([panel(mask, title, kind="mask")], alt=alt, caption=caption)
