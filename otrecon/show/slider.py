"""Sliders that are alive in the built page, on paper and in a kernel, from one Python function.

In the book every frame is computed when the page is built and travels in the page, compressed; a few lines of our own
script show them, from ``file://`` with the network off. With a live kernel the same call is an ipywidgets control.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

from otrecon.show.figure import check_alt
from otrecon.show.frames import Alt, Slider
from otrecon.show.live import LiveSlider
from otrecon.show.parameters import parameters
from otrecon.show.static import StaticSlider

BUDGET = 1_200_000
"""Bytes that one slider may add to its page."""
MOST_FRAMES = 400


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
    if os.environ.get("OTRECON_STATIC") == "1" or find_spec("ipywidgets") is None:
        return "static"
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return "live" if getattr(shell, "kernel", None) is not None else "static"
