"""A slider whose frames are all in the page, compressed."""

from __future__ import annotations

import os
from typing import Any

from otrecon.show import svg
from otrecon.show.figure import Picture
from otrecon.show.frames import Slider, limits
from otrecon.show.payload import control, inline_assets, pack


class StaticSlider(Slider):
    """A slider whose frames are all in the page.

    Parameters
    ----------
    quality, budget
        As in `slider`; the other arguments are those of `Slider`.
    """

    def __init__(self, *args: Any, quality: int | None, budget: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        results = [self.result(position) for position in self.positions]
        arrays = [value for value in results if not isinstance(value, Picture)]
        if arrays:
            self._limits = limits(arrays)
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
        extra = "" if os.environ.get("OTRECON_STATIC") == "1" else inline_assets()
        return {"text/html": self._html + extra, "text/plain": f"{self.label}. {self.frame(self.start)[1]}"}


def _webp(png: bytes, quality: int) -> tuple[bytes, str]:
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(png))
    buffer = io.BytesIO()
    image.convert("RGBA" if "transparency" in image.info else "RGB").save(
        buffer, format="WEBP", quality=quality, method=6
    )
    return (buffer.getvalue(), "webp") if len(buffer.getvalue()) < len(png) else (png, "png")
