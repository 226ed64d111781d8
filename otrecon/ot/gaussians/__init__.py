r"""Transport between Gaussians in closed form: the truth that solvers are tested against, and a lesson themselves.

The conventions are those of the solvers: the cost is :math:`|x - y|^2 / 2`, :math:`\varepsilon = \text{blur}^2`,
:math:`\rho = \text{reach}^2`, and entropy is KL against the product of the two measures, with its mass terms. The
regularised plan between Gaussians is Gaussian, the potentials are quadratic, and all that remains is linear algebra
[1]_. With the cost :math:`|x - y|^2` of that paper its :math:`2\sigma^2` is :math:`2\varepsilon`, its
:math:`\gamma` is :math:`2\rho`, and its values are twice these. Everything is float64.

References
----------
.. [1] H. Janati, B. Muzellec, G. Peyré, M. Cuturi, "Entropic optimal transport between unbalanced Gaussian measures has
   a closed form", NeurIPS 2020.
"""

from otrecon.ot.gaussians.averages import barycenter
from otrecon.ot.gaussians.measure import Gaussian
from otrecon.ot.gaussians.pairs import GaussianPlan, displacement, divergence, entropic, plan, wasserstein

__all__ = ["Gaussian", "GaussianPlan", "barycenter", "displacement", "divergence", "entropic", "plan", "wasserstein"]
