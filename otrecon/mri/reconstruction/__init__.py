"""Classical reconstructions: each takes an operator A and its k-space data and returns a :class:`Reconstruction`.

The iterative ones minimise ``|A x - y|^2 / 2`` plus a penalty, so that their images share one scale: that of the
object, for unitary transforms and maps whose squares sum to 1. They know A by ``adjoint`` and ``gram`` alone: Cartesian
and radial sampling, images and films, one coil and many, run through the same lines. Radial data may be given weighted
by their density, ``D = A.density_weighted()`` with ``D.weigh(kdata)``: the zero-filled image of these is gridding, and
FISTA and the primal-dual method need fewer iterations; the price is that noise far from the centre of k-space counts
for more.
"""

from otrecon.mri.reconstruction.cg_sense import cg_sense
from otrecon.mri.reconstruction.l1_wavelet import l1_wavelet
from otrecon.mri.reconstruction.low_rank import LowRankPlusSparse, low_rank_plus_sparse
from otrecon.mri.reconstruction.result import Reconstruction
from otrecon.mri.reconstruction.temporal import grasp, temporal_tv
from otrecon.mri.reconstruction.total_variation import total_variation
from otrecon.mri.reconstruction.zero_filled import zero_filled

__all__ = [
    "LowRankPlusSparse",
    "Reconstruction",
    "cg_sense",
    "grasp",
    "l1_wavelet",
    "low_rank_plus_sparse",
    "temporal_tv",
    "total_variation",
    "zero_filled",
]
