"""A seed is no generator, and every room says so in the same words."""

import pytest
import torch

from otrecon import mri, phantoms
from otrecon.operators import Identity
from otrecon.randomness import check_generator

KDATA = torch.ones(2, 8, 8, dtype=torch.complex64)
DRAWS = {
    "brain_phantom": lambda g: phantoms.brain_phantom(generator=g),
    "random_ellipses": lambda g: phantoms.random_ellipses(g),
    "smooth_phase": lambda g: phantoms.smooth_phase((8, 8), g),
    "random_lines": lambda g: mri.random_lines((32, 32), 4, generator=g),
    "variable_density_lines": lambda g: mri.variable_density_lines((32, 32), 4, generator=g),
    "poisson_disk": lambda g: mri.poisson_disk((32, 32), 4, generator=g),
    "add_noise": lambda g: mri.add_noise(KDATA, snr=10, generator=g),
    "correlated_noise": lambda g: mri.correlated_noise((2, 8, 8), torch.eye(2) + 0j, generator=g),
    "norm": lambda g: Identity((3,)).norm(generator=g),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_is_refused_with_the_way_out(draw):
    with pytest.raises(TypeError, match=r"got the seed 0: pass torch\.Generator\(\)\.manual_seed\(0\)"):
        draw(0)
    draw(torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("what", "kind"), [("0", "str"), (None, "NoneType"), (True, "bool")])
def test_what_is_no_generator_is_named_by_its_kind(what, kind):
    with pytest.raises(TypeError, match=f"source must be a torch.Generator.*, got {kind}"):
        check_generator(what, "source")
