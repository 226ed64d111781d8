"""Which k-space samples are acquired: line masks, Poisson-disk masks and spokes on the Cartesian grid.

Every function spends a budget: ``round(n / acceleration)`` lines, or that share of the pixels. The fully sampled
centre is paid for out of the budget, so the acceleration that was asked for is the acceleration that is obtained, up to
rounding to whole lines. The one exception, :func:`nominal_equispaced_lines`, repeats a published recipe that does not.
"""

from otrecon.mri.masks.lines import (
    equispaced_lines,
    nominal_equispaced_lines,
    random_lines,
    variable_density_lines,
)
from otrecon.mri.masks.points import poisson_disk
from otrecon.mri.masks.sampling_mask import SamplingMask
from otrecon.mri.masks.spokes import radial_on_grid

__all__ = [
    "SamplingMask",
    "equispaced_lines",
    "nominal_equispaced_lines",
    "poisson_disk",
    "radial_on_grid",
    "random_lines",
    "variable_density_lines",
]
