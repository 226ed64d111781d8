"""Arrays as pixels: checks, display scales, and lossless PNGs of colour-mapped data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from otrecon.show import svg
from otrecon.show.style import CMAPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["magnitude", "phase", "kspace", "mask", "error", "difference"]


def to_array(value: object, name: str = "image", ndim: int | None = 2) -> NDArray[Any]:
    """Make a finite numpy array of a torch tensor or anything numpy understands.

    Parameters
    ----------
    value
        Tensor (any device, with or without gradient), array, or nested list.
    name
        What error messages call it.
    ndim
        Required number of axes; None allows any.

    Raises
    ------
    ValueError
        When the number of axes is wrong, an axis is empty, or a value is NaN or infinite.
    """
    tensor: Any = value
    array = np.asarray(
        tensor.detach().resolve_conj().resolve_neg().cpu().numpy() if hasattr(value, "detach") else value
    )
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} has dtype {array.dtype}; numbers are needed")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(
            f"{name} has shape {array.shape}; {ndim} axes are needed: select one entry of the leading axes first, "
            "such as image[0], or combine the coils"
        )
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; there is nothing to show")
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise ValueError(
            f"{name} has {bad} of {array.size} values that are NaN or infinite; find out why before showing it"
        )
    return array


@dataclass(frozen=True)
class Scale:
    """How numbers become colours, and how a colour bar says so.

    Parameters
    ----------
    kind
        Meaning, which decides the colour map.
    low, high
        Values at the two ends.
    name
        What the values are, such as ``"magnitude"``.
    unit
        Their unit; empty for none.
    clipped
        Whether some shown value lies outside.
    """

    kind: Kind
    low: float
    high: float
    name: str
    unit: str = ""
    clipped: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ValueError(f"the display range is {self.low} to {self.high}; the lower end must be below the upper")

    def index(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        """Colour numbers 0 to 255."""
        fraction = (array.astype(np.float64) - self.low) / (self.high - self.low)
        return np.rint(255 * fraction.clip(0, 1)).astype(np.uint8)


def table(kind: Kind) -> NDArray[np.uint8]:
    """Return the colour map of a kind as 256 RGB triples."""
    import matplotlib as mpl

    colours = mpl.colormaps[CMAPS[kind]](np.linspace(0, 1, 256))
    return np.rint(255 * np.asarray(colours)[:, :3]).astype(np.uint8)


def png(array: NDArray[Any], scale: Scale, hidden: NDArray[np.bool_] | None = None) -> bytes:
    """Encode an array through its scale as PNG; pixels where `hidden` is true are transparent."""
    from PIL import Image

    index = scale.index(array)
    if CMAPS[scale.kind] == "gray" and hidden is None:
        return svg.encode(Image.fromarray(index))
    colours = table(scale.kind)
    if hidden is not None:
        index = np.where(hidden, 0, np.maximum(index, 1)).astype(np.uint8)
    image = Image.fromarray(index)
    image.putpalette(colours.tobytes(), "RGB")
    if hidden is not None:
        image.info["transparency"] = 0
    return svg.encode(image)


def gradient(kind: Kind) -> str:
    """Return the colour map of a kind as a CSS gradient."""
    stops = table(kind)[np.linspace(0, 255, 2 if CMAPS[kind] == "gray" else 13).round().astype(int)]
    return "linear-gradient(90deg," + ",".join("#" + bytes(stop).hex() for stop in stops) + ")"
