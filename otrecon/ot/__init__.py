"""Optimal transport on image grids: measures, geometries, one Sinkhorn, divergences, barycenters, exact plans.

The cost is half the squared distance, ``|x - y|^2 / 2``. ``blur`` is a length in the unit of the grid's spacing, and
the strength of the entropy is its square; ``reach`` is a length too, None where mass is kept. Entropy is the divergence
from the product of the marginals. Measures are ``(..., *shape)``: axes in front are a batch.
"""

from otrecon.ot import gaussians, moments
from otrecon.ot.barycenter import Barycenter, barycenter
from otrecon.ot.divergence import Divergence, sinkhorn_divergence
from otrecon.ot.exact import Exact, emd
from otrecon.ot.geometry import Convolution, Dense, Geometry, Grid
from otrecon.ot.interpolation import deposit, displacement_interpolation
from otrecon.ot.line import line_barycenter, quantiles, wasserstein_line
from otrecon.ot.measures import to_measure
from otrecon.ot.parcels import ParcelPlan
from otrecon.ot.plan import Plan
from otrecon.ot.sinkhorn import Transport, sinkhorn

__all__ = [
    "Barycenter",
    "Convolution",
    "Dense",
    "Divergence",
    "Exact",
    "Geometry",
    "Grid",
    "ParcelPlan",
    "Plan",
    "Transport",
    "barycenter",
    "deposit",
    "displacement_interpolation",
    "emd",
    "gaussians",
    "line_barycenter",
    "moments",
    "quantiles",
    "sinkhorn",
    "sinkhorn_divergence",
    "to_measure",
    "wasserstein_line",
]
