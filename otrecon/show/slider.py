"""Sliders that are alive in the built page, on paper and in a kernel, from one Python function.

In the book every frame is computed when the page is built and travels in the page, compressed; a few lines of our own
script show them, from ``file://`` with the network off. With a live kernel the same call is an ipywidgets control.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

from otrecon.show import svg
from otrecon.show.arrays import to_array
from otrecon.show.figure import Picture, check_alt, escape, figure, is_matplotlib
from otrecon.show.parameters import Parameter, parameters

BUDGET = 1_200_000
"""Bytes that one slider may add to its page."""
MOST_FRAMES = 400

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
            return value.fragment(alt), alt
        from otrecon.show.images import images

        alt = self._alt(self.arguments(position))
        low, high = self._limits or _limits([value])
        return images(value, alt=alt, vmin=low, vmax=high).fragment(), alt

    def _alt(self, arguments: dict[str, Any]) -> str:
        if self.alt is None:
            raise ValueError("the function returns figures or arrays, which have no alt text: give the slider alt=")
        return check_alt(self.alt(**arguments) if callable(self.alt) else self.alt)


def slider(
    function: Callable[..., object],
    *,
    alt: Alt | None = None,
    label: str | None = None,
    start: Mapping[str, Any] | None = None,
    labels: Mapping[str, str | Callable[[Any], str]] | None = None,
    units: Mapping[str, str] | None = None,
    play: bool | str = True,
    fps: float = 4.0,
    caption: str | None = None,
    quality: int | None = None,
    budget: int = BUDGET,
    mode: Literal["static", "live"] | None = None,
    **values: Sequence[Any],
) -> Slider:
    """Let the reader move the parameters of a function that draws.

    Parameters
    ----------
    function
        ``function(**parameters)`` returns a matplotlib figure, a picture (of `otrecon.show.figure`, `images`, `row`,
        ...), an image ``(y, x)`` or a row of images ``(n, y, x)``. Arrays of all frames share one scale
        (with a live kernel: the scale of the first one shown).
    alt
        Required unless the function returns pictures: alt text, or a function of the same parameters.
    label
        Name of the whole control for screen readers; made from the parameters by default.
    start
        From parameter to the value where the slider starts; an integer that is no value counts as a position.
        Start where it is interesting. Default: the first value.
    labels
        From parameter to the text of its values, a sentence fragment with its unit: ``{"blur": "blur = {:.1f} px"}``,
        or a function of the value.
    units
        From parameter to unit, for the default text ``"blur = 1.5 px"``.
    play
        Whether there is a play button; a name chooses the parameter that it moves (default: the first).
    fps
        Frames a second while playing.
    caption
        Visible line underneath.
    quality
        None keeps every pixel exact. From 1 to 100: images inside frames are stored as lossy WebP of that quality, for
        sliders over large noisy images. Say so in the text.
    budget
        Most bytes this slider may add to its page.
    mode
        ``"static"`` (frames in the page) or ``"live"`` (ipywidgets). By default static when ``OTRECON_STATIC=1``, as in
        the book's build, and wherever there is no kernel with ipywidgets.
    **values
        One or more parameters, each with the list of its values.

    Returns
    -------
    Slider
        Leave it as the last expression of the cell, or hand it to ``display``.

    Raises
    ------
    ValueError
        When values are missing, empty or repeated, two values read the same, there are more than 400 frames, or the
        page would grow beyond the budget.

    Examples
    --------
    >>> from otrecon import show
    >>> def draw(blur):
    ...     fig, ax = show.subplots(width=4.8, xlabel="x / px")
    ...     ax.plot([0, 1], [0, blur])
    ...     return fig
    >>> alt = "A line that is steeper where the blur is larger."
    >>> widget = show.slider(draw, blur=[0.5, 1.0], units={"blur": "px"}, alt=alt)
    """
    params = parameters(values, start=start or {}, labels=labels or {}, units=units or {})
    count = math.prod(len(parameter.values) for parameter in params)
    if count > MOST_FRAMES:
        sizes = " x ".join(str(len(parameter.values)) for parameter in params)
        raise ValueError(f"{sizes} = {count} frames; at most {MOST_FRAMES} are drawn: give fewer values")
    names = [parameter.name for parameter in params]
    if isinstance(play, str) and play not in names:
        raise ValueError(f"play is {play!r}; the parameters are {names}")
    if not 0 < fps <= 30:
        raise ValueError(f"fps is {fps}; it must be above 0 and at most 30")
    if quality is not None and not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}; it is None or between 1 and 100")
    if isinstance(alt, str):
        check_alt(alt)
    kind: Any = LiveSlider if (mode or default_mode()) == "live" else StaticSlider
    extra = {} if kind is LiveSlider else {"quality": quality, "budget": budget}
    return kind(
        function,
        params,
        alt=alt,
        label=label or "Figure with a slider for " + " and ".join(names),
        play=(play if isinstance(play, str) else names[0]) if play else None,
        fps=fps,
        caption=caption,
        **extra,
    )


def default_mode() -> Literal["static", "live"]:
    """``"live"`` where a kernel with ipywidgets would answer and the book is not being built."""
    import sys

    if os.environ.get("OTRECON_STATIC") == "1" or find_spec("ipywidgets") is None:
        return "static"
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return "live" if getattr(shell, "kernel", None) is not None else "static"


def _limits(arrays: Sequence[Any]) -> tuple[float, float]:
    """One display range for all frames."""
    import numpy as np

    real = [np.abs(array) if array.dtype.kind == "c" else array for array in arrays]
    return min(0.0, *(float(array.min()) for array in real)), max(float(array.max()) for array in real)


class StaticSlider(Slider):
    """A slider whose frames are all in the page.

    Parameters
    ----------
    quality, budget
        As in `slider`; the other arguments are those of `Slider`.
    """

    def __init__(self, *args: Any, quality: int | None, budget: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from otrecon.show.payload import control, pack

        results = [self.result(position) for position in self.positions]
        arrays = [value for value in results if not isinstance(value, Picture)]
        if arrays:
            self._limits = _limits(arrays)
        frames = [self.frame(position) for position in self.positions]
        if quality is not None:
            frames = [(svg.recode_images(html, lambda png: _webp(png, quality)), alt) for html, alt in frames]
        self.frames, self.payload = pack(frames)
        self._html = control(self, self.frames[self.positions.index(self.start)], self.payload)
        size = len(self._html.encode())
        if size > budget:
            raise ValueError(
                f"this slider adds {size / 1e6:.2f} MB to its page ({len(frames)} frames of "
                f"{size / len(frames) / 1e3:.0f} kB); "
                f"the budget is {budget / 1e6:.2f} MB. Give fewer values, show fewer or smaller images, or set "
                "quality=80 for images that need not be exact"
            )

    def html(self) -> str:
        """Return the control as it stands in the page, without the style sheet and script of `otrecon.show.assets`."""
        return self._html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        from otrecon.show.payload import inline_assets

        extra = "" if os.environ.get("OTRECON_STATIC") == "1" else inline_assets()
        return {"text/html": self._html + extra, "text/plain": f"{self.label}. {self.frame(self.start)[1]}"}


class LiveSlider(Slider):
    """A slider that asks the kernel for each frame, once; arguments are those of `Slider`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        import time

        import ipywidgets as widgets

        began = time.perf_counter()
        first = self.result(self.start)
        if not isinstance(first, Picture):
            self._limits = _limits([first])
        self._picture = widgets.HTML(self._live(self.start))
        quick = time.perf_counter() - began < 0.3
        self.controls = [
            widgets.SelectionSlider(
                options=[(text, k) for k, text in enumerate(parameter.texts)],
                value=parameter.start,
                description=parameter.name,
                continuous_update=quick,
                style={"description_width": "initial"},
                layout=widgets.Layout(width="min(100%, 36rem)"),
            )
            for parameter in self.params
        ]
        for one in self.controls:
            one.observe(self._update, names="value")
        children: list[Any] = [self._picture, *self.controls]
        if self.play is not None:
            target = self.controls[[parameter.name for parameter in self.params].index(self.play)]
            button = widgets.Play(
                min=0,
                max=len(target.options) - 1,
                value=target.value,
                interval=round(1000 / self.fps),
                show_repeat=False,
            )
            widgets.jslink((button, "value"), (target, "index"))
            children.append(button)
        self.widget = widgets.VBox(children)

    def _live(self, position: tuple[int, ...]) -> str:
        html, alt = self.frame(position)
        return Picture(html, alt, self.caption).html()

    def _update(self, change: object) -> None:  # noqa: ARG002 - ipywidgets hands it over
        try:
            self._picture.value = self._live(tuple(one.value for one in self.controls))
        except Exception as error:
            # A kernel only logs what its widgets raise; the reader must see it.
            notes = " ".join(getattr(error, "__notes__", []))
            self._picture.value = f'<pre role="alert">{escape(f"{type(error).__name__}: {error} {notes}")}</pre>'
            raise

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:  # noqa: ARG002
        return self.widget._repr_mimebundle_()


def _webp(png: bytes, quality: int) -> tuple[bytes, str]:
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(png))
    buffer = io.BytesIO()
    image.convert("RGBA" if "transparency" in image.info else "RGB").save(
        buffer, format="WEBP", quality=quality, method=6
    )
    return (buffer.getvalue(), "webp") if len(buffer.getvalue()) < len(png) else (png, "png")
