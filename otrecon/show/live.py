"""A slider in a live kernel: ipywidgets that ask the same function for each frame, once."""

from __future__ import annotations

from typing import Any

from otrecon.show.figure import Picture, escape
from otrecon.show.frames import Slider, limits


class LiveSlider(Slider):
    """A slider that asks the kernel for each frame, once; arguments are those of `Slider`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        import time

        import ipywidgets as widgets

        began = time.perf_counter()
        first = self.result(self.start)
        if not isinstance(first, Picture):
            self._limits = limits([first])
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
