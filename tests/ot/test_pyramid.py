"""Between grids: mass is kept to the last digit, potentials that are straight stay straight."""

import itertools

import pytest
import torch

from otrecon.ot.pyramid import grown, pooled


def random(*shape, seed=0):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pooled_by_hand(mass, factors):
    """Every fine pixel carried to its coarse one, in a loop."""
    shape = [-(-n // factor) for n, factor in zip(mass.shape, factors, strict=True)]
    out = torch.zeros(shape, dtype=mass.dtype)
    for place in itertools.product(*(range(n) for n in mass.shape)):
        out[tuple(i // factor for i, factor in zip(place, factors, strict=True))] += mass[place]
    return out


@pytest.mark.parametrize(
    ("shape", "factors"),
    [
        ((8,), (4,)),
        ((13,), (4,)),
        ((3,), (8,)),
        ((12, 9), (2, 4)),
        ((7, 16), (1, 8)),
        ((5, 6, 7), (2, 1, 4)),
        ((5, 6, 7), (1, 1, 1)),
    ],
)
def test_blocks_are_added_up(shape, factors):
    mass = random(2, 3, *shape)
    found = pooled(mass, factors)
    for i, j in itertools.product(range(2), range(3)):
        torch.testing.assert_close(found[i, j], pooled_by_hand(mass[i, j], factors), rtol=1e-14, atol=0)


def test_empty_stays_empty_and_small_masses_are_kept():
    mass = torch.zeros(9, 9, dtype=torch.float64)
    mass[8, 8], mass[0, 1] = 1e-300, 1.0
    found = pooled(mass, (4, 4))
    assert found[2, 2] == 1e-300
    assert int((found > 0).sum()) == 2


def centres(n, factor):
    """Middles of coarse pixels in fine index units, the last as if it were whole."""
    return torch.arange(-(-n // factor), dtype=torch.float64) * factor + (factor - 1) / 2


@pytest.mark.parametrize(
    ("shape", "factors", "targets"),
    [
        ((40,), (8,), (1,)),
        ((37,), (8,), (2,)),
        ((40, 33), (4, 8), (2, 1)),
        ((24, 24), (4, 1), (1, 1)),
        ((16, 17, 20), (4, 2, 4), (1, 2, 2)),
    ],
)
def test_a_plane_grows_into_a_plane(shape, factors, targets):
    dims = len(shape)
    slopes = (1.0, -2.5, 0.7)[:dims]

    def plane(factors):
        axes = [centres(n, factor) for n, factor in zip(shape, factors, strict=True)]
        return sum(s * x for s, x in zip(slopes, torch.meshgrid(*axes, indexing="ij"), strict=True))

    expected = plane(targets)
    found = grown(plane(factors).expand(2, 3, *plane(factors).shape), factors, targets, (2, 3, *expected.shape))
    assert found.shape == (2, 3, *expected.shape)
    assert found.dtype == torch.float64
    # Beyond the middle of the first and the last coarse pixel the potential is held constant.
    inner = []
    for n, factor, target in zip(shape, factors, targets, strict=True):
        x = centres(n, target)
        inner.append(((x >= centres(n, factor)[0]) & (x <= centres(n, factor)[-1])).nonzero().flatten())
    cut = torch.meshgrid(*inner, indexing="ij")
    torch.testing.assert_close(found[0, 0][cut], expected[cut], rtol=1e-13, atol=1e-12)
    assert torch.equal(found[1, 2], found[0, 0])


def test_growing_never_leaves_the_range_of_what_is_there():
    coarse = 100 * random(5, 6, seed=3)
    fine = grown(coarse, (4, 4), (1, 1), (18, 23))
    assert coarse.min() <= fine.min()
    assert fine.max() <= coarse.max()


def test_nothing_to_grow_is_handed_on():
    potential = random(4, 5)
    assert grown(potential, (2, 2), (2, 2), (4, 5)) is potential
