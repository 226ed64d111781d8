"""The frames of a slider: each drawn once by the reader's function, with its alt text, and checked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from otrecon.show.arrays import to_array
from otrecon.show.figure import Picture, check_alt, escape, figure, is_matplotlib

if TYPE_CHECKING:
    from otrecon.show.parameters import Parameter

Frame = tuple[str, str]
"""The HTML of a frame, with the id placeholder, and its alt text."""
Alt = str | Callable[..., str]


class Slider:
    """What both kinds of slider share: the function, its parameters, and its frames, each computed once.

    Parameters
    ----------
    function
        Draws a frame.
    params
        The parameters, first one slowest.
    alt
        Text, function of the parameters, or None where the function returns pictures with their own alt.
    label
        What the whole control is called.
    play
        Parameter that the play button moves, or None.
    fps
        Frames a second while playing.
    caption
        Visible line underneath.
    """

    def __init__(
        self,
        function: Callable[..., object],
        params: Sequence[Parameter],
        *,
        alt: Alt | None,
        label: str,
        play: str | None,
        fps: float,
        caption: str | None,
    ) -> None:
        self.function = function
        self.params = list(params)
        self.alt = alt
        self.label = label
        self.play = play
        self.fps = fps
        self.caption = caption
        self.start = tuple(parameter.start for parameter in self.params)
        self._results: dict[tuple[int, ...], object] = {}
        self._limits: tuple[float, float] | None = None

    @property
    def positions(self) -> list[tuple[int, ...]]:
        """Every combination of positions, the last parameter running fastest."""
        return list(itertools.product(*(range(len(parameter.values)) for parameter in self.params)))

    def arguments(self, position: tuple[int, ...]) -> dict[str, Any]:
        """Return the arguments of the function at a combination of positions."""
        return {p.name: p.values[k] for p, k in zip(self.params, position, strict=True)}

    def result(self, position: tuple[int, ...]) -> object:
        """Return what the function returned there; matplotlib figures are drawn at once. Computed once.

        Raises
        ------
        Exception
            Whatever the function raises, with a note that names the parameters.
        """
        if position not in self._results:
            arguments = self.arguments(position)
            text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            try:
                value = self.function(**arguments)
                if is_matplotlib(value):
                    value = figure(value, alt=self._alt(arguments))  # type: ignore[arg-type]
                elif not isinstance(value, Picture):
                    if value is None:
                        raise TypeError("the function returned None; it must return the figure, a picture, or an array")
                    value = to_array(value, "the frame", ndim=None)
                    if value.ndim not in (2, 3):
                        raise ValueError(
                            f"the frame has shape {value.shape}; an image (y, x) or a row (n, y, x) is needed"
                        )
            except Exception as error:
                error.add_note(f"in the slider's frame with {text}")
                raise
            self._results[position] = value
        return self._results[position]

    def frame(self, position: tuple[int, ...]) -> Frame:
        """Return the frame at a combination of positions."""
        value = self.result(position)
        if isinstance(value, Picture):
            alt = value.alt if self.alt is None else self._alt(self.arguments(position))
            caption = f"\n<p>{escape(value.caption)}</p>" if value.caption else ""
            return value.fragment(alt) + caption, alt
        from otrecon.show.images import images

        alt = self._alt(self.arguments(position))
        low, high = self._limits or limits([value])
        return images(value, alt=alt, vmin=low, vmax=high).fragment(), alt

    def _alt(self, arguments: dict[str, Any]) -> str:
        if self.alt is None:
            raise ValueError("the function returns figures or arrays, which have no alt text: give the slider alt=")
        return check_alt(self.alt(**arguments) if callable(self.alt) else self.alt)


def limits(arrays: Sequence[Any]) -> tuple[float, float]:
    """One display range for all frames."""
    import numpy as np

    real = [np.abs(array) if array.dtype.kind == "c" else array for array in arrays]
    return min(0.0, *(float(array.min()) for array in real)), max(float(array.max()) for array in real)
