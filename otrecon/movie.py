"""A film as a file that any browser plays."""

from __future__ import annotations

from itertools import pairwise
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from otrecon.checks import check_count, check_positive, kind
from otrecon.whole_files import write_whole

__all__ = ["save_movie"]

_HEIGHT = 256  # pixels that a film has at least about, where nothing else is asked for
_SHORTEST, _LONGEST = 0.02, 655.0  # seconds of a frame: browsers slow down what is faster, the format ends there


def save_movie(
    film: Tensor,
    path: str | PathLike[str],
    *,
    seconds: float = 1.0,
    vmax: float | None = None,
    scale: int | None = None,
) -> Path:
    """Write a film as an animated GIF, which starts again and again: 0 is black, ``vmax`` white.

    Parameters
    ----------
    film
        ``(t, y, x)``, complex (its modulus is shown) or real and not negative. For two side by side, join them:
        ``torch.cat((film.abs(), reference), -1)``.
    path
        The file, ``.gif``; its folder is made where it is missing.
    seconds
        Length of the film; for a heart that of a beat. A frame takes at least 0.02 s.
    vmax
        Value that is white, as are those above it. None: the largest of the film.
    scale
        Each pixel becomes a square of so many a side. None: as many as make the film some 256 pixels high.

    Returns
    -------
    Path
        The file, which is whole or not there. Its grey levels are exact to half of ``vmax / 255``, its times to 0.01 s.

    Raises
    ------
    TypeError, ValueError
        If the film is no tensor ``(t, y, x)``, empty, negative or not finite, the file is not named ``.gif``, a number
        is not positive, or a frame would be too short or too long.
    """
    file = Path(path)
    if file.suffix.lower() != ".gif":
        raise ValueError(f"a movie is an animated GIF: {file} must be named .gif.")
    grey = _grey(film, vmax)
    frames, height, _ = grey.shape
    share = check_positive("seconds", seconds) / frames
    if not _SHORTEST - 1e-9 <= share <= _LONGEST:
        raise ValueError(
            f"seconds must be from {_SHORTEST * frames:g} to {_LONGEST * frames:g} for {frames} frames, a frame taking "
            f"at least {_SHORTEST} s, got {seconds}."
        )
    times = [round(100 * share * k) for k in range(frames + 1)]
    side = max(1, round(_HEIGHT / height)) if scale is None else check_count("scale", scale)
    from PIL import Image

    first, *others = (
        Image.fromarray(each.numpy()) for each in grey.repeat_interleave(side, 1).repeat_interleave(side, 2)
    )
    write_whole(
        file,
        lambda opened: first.save(
            opened,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=[10 * (end - begin) for begin, end in pairwise(times)],
            loop=0,
        ),
    )
    return file


def _grey(film: Tensor, vmax: float | None) -> Tensor:
    """Grey levels 0 to 255 of a film that can be shown."""
    if not isinstance(film, Tensor):
        raise TypeError(f"film must be a torch tensor, got {kind(film)}: convert it with torch.as_tensor.")
    if film.ndim != 3 or not film.numel():
        raise ValueError(f"film must be (t, y, x), with at least one frame and pixel, got {kind(film)}.")
    shown = film.detach().cpu()
    shown = (shown.abs() if shown.is_complex() else shown).double()
    bad = int((~torch.isfinite(shown)).sum())
    if bad:
        raise ValueError(f"film has {bad} of {film.numel()} values that are NaN or infinite: find out why first.")
    if bool((shown < 0).any()):
        raise ValueError(f"film has values down to {float(shown.min()):.3g}, and 0 is black: show film.abs().")
    white = float(shown.max()) or 1.0 if vmax is None else check_positive("vmax", vmax)
    return (255 * (shown / white).clamp(max=1)).round().to(torch.uint8)
