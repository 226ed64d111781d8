"""Dynamic MRI: films as networks, and what transport says about how one frame becomes the next (seed 000)."""

from otrecon.dynamic.barycenter_prior import BarycenterPrior
from otrecon.dynamic.classical import barycentric_frames, linear_frames, nearest_observed
from otrecon.dynamic.fitting import FilmFit, fit_film
from otrecon.dynamic.kspace_models import KSpaceFilm, RadialKSpaceFilm
from otrecon.dynamic.models import FilmModel, ImageFilm
from otrecon.dynamic.path import WassersteinPath
from otrecon.dynamic.prior_sum import PriorSum
from otrecon.dynamic.spatial import SpatialTV
from otrecon.dynamic.targets import TransportTargets
from otrecon.dynamic.warping import edge_displacements, warped_frames

__all__ = [
    "BarycenterPrior",
    "FilmFit",
    "FilmModel",
    "ImageFilm",
    "KSpaceFilm",
    "PriorSum",
    "RadialKSpaceFilm",
    "SpatialTV",
    "TransportTargets",
    "WassersteinPath",
    "barycentric_frames",
    "edge_displacements",
    "fit_film",
    "linear_frames",
    "nearest_observed",
    "warped_frames",
]
