"""Where measures live and what a move costs: grids, costs of displacement, any matrix.

A geometry gives kernels ``exp(-cost / eps)`` that are applied in the log domain. That is all a solver knows of it.
"""

from otrecon.ot.geometry.base import Geometry
from otrecon.ot.geometry.convolution import Convolution
from otrecon.ot.geometry.dense import Dense
from otrecon.ot.geometry.grid import Grid
from otrecon.ot.geometry.kernel import Kernel
from otrecon.ot.geometry.regular import RegularGrid

__all__ = ["Convolution", "Dense", "Geometry", "Grid", "Kernel", "RegularGrid"]
