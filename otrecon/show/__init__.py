"""What a chapter uses to speak: figures, image rows, sliders that are alive in the built page, claims and glue.

Importing it pulls neither matplotlib nor any notebook tool; each is imported by the function that uses it.
"""

from typing import TYPE_CHECKING, Any

from otrecon.show.claims import Claim, ClaimError, claim
from otrecon.show.curves import curves
from otrecon.show.figure import Picture, beside, figure
from otrecon.show.glue import glue, glued
from otrecon.show.images import error_maps, images, row
from otrecon.show.panel import Panel, panel
from otrecon.show.payload import assets
from otrecon.show.slider import Slider, slider
from otrecon.show.spokes import spokes
from otrecon.show.style import ACCENT, CMAPS, INK, METHOD_COLOURS, MUTED, PALETTE, PAPER, context, subplots
from otrecon.show.table import Table, table
from otrecon.show.transports import coupling, deliveries
from otrecon.show.views import complex_image, kspace, mask, phase

if TYPE_CHECKING:
    from otrecon.movie import save_movie

__all__ = [
    "ACCENT",
    "CMAPS",
    "INK",
    "METHOD_COLOURS",
    "MUTED",
    "PALETTE",
    "PAPER",
    "Claim",
    "ClaimError",
    "Panel",
    "Picture",
    "Slider",
    "Table",
    "assets",
    "beside",
    "claim",
    "complex_image",
    "context",
    "coupling",
    "curves",
    "deliveries",
    "error_maps",
    "figure",
    "glue",
    "glued",
    "images",
    "kspace",
    "mask",
    "panel",
    "phase",
    "row",
    "save_movie",
    "slider",
    "spokes",
    "subplots",
    "table",
]


def __getattr__(name: str) -> Any:
    # It loads torch, which nothing else here needs.
    if name == "save_movie":
        from otrecon.movie import save_movie

        return save_movie
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
