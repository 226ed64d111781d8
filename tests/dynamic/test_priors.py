"""What the priors say of films whose transport is known, and where they pull."""

import math
from itertools import pairwise

import pytest
import torch

from otrecon.dynamic import BarycenterPrior, PriorSum, SpatialTV, TransportTargets, WassersteinPath, barycentric_frames
from otrecon.ot import Grid, barycenter
from otrecon.ot.appendix_b import appendix_b_barycenter

SIZE = (24, 30)


def bumps(centres, spreads=3.0, size=SIZE, masses=1.0):
    """Gaussian bumps ``(t, y, x)`` with centres in pixels, in double."""
    y, x = (torch.arange(n, dtype=torch.float64) for n in size)
    centres = torch.as_tensor(centres, dtype=torch.float64)
    spreads = torch.as_tensor(spreads, dtype=torch.float64).expand(len(centres))
    squared = (y[:, None] - centres[:, 0, None, None]) ** 2 + (x - centres[:, 1, None, None]) ** 2
    film = torch.exp(-squared / (2 * spreads[:, None, None] ** 2))
    masses = torch.as_tensor(masses, dtype=torch.float64).expand(len(centres))
    return masses[:, None, None] * film / film.sum((-2, -1), keepdim=True)


def random_triplets():
    return BarycenterPrior(generator=torch.Generator().manual_seed(0))


WALK = bumps([(12, 9), (12, 12), (12, 15), (12, 20)], masses=[1.0, 2.0, 3.0, 4.0])
STEPS = torch.tensor([3.0, 3.0, 5.0], dtype=torch.float64)


@pytest.mark.parametrize("film", [WALK, WALK.to(torch.complex128) * 1j, WALK.float()])
def test_the_path_of_a_walk_is_half_its_squared_steps(film):
    in_pixels = float((STEPS**2 / 2).sum())
    assert float(WassersteinPath(unit="pixel")(film)) == pytest.approx(in_pixels, rel=1e-2)
    assert float(WassersteinPath()(film)) == pytest.approx(in_pixels / 30**2, rel=1e-2)
    assert float(WassersteinPath(unit="pixel", reduction="mean")(film)) == pytest.approx(in_pixels / 3, rel=1e-2)
    assert float(WassersteinPath(unit="pixel", squared=False)(film)) == pytest.approx(float(STEPS.sum()), rel=1e-2)
    skipping = WassersteinPath(unit="pixel", frames=(3, 0))
    assert float(skipping(film)) == pytest.approx(11**2 / 2, rel=1e-2)
    assert WassersteinPath()(film).dtype == film.real.dtype


def test_squares_ask_for_constant_speed_and_distances_do_not():
    even, uneven = bumps([(12, 9), (12, 14), (12, 19)]), bumps([(12, 9), (12, 11), (12, 19)])
    squares, lengths = (WassersteinPath(unit="pixel", squared=squared) for squared in (True, False))
    assert float(squares(uneven)) > 1.2 * float(squares(even))
    assert float(lengths(uneven)) == pytest.approx(float(lengths(even)), rel=1e-2)


def test_a_film_that_stands_still_has_no_path_and_a_finite_slope():
    film = bumps([(12, 9)] * 3).requires_grad_()
    for squared in (True, False):
        value = WassersteinPath(squared=squared)(film)
        (gradient,) = torch.autograd.grad(value, film)
        assert abs(value.item()) < (1e-6 if squared else 1e-3)
        assert bool(gradient.isfinite().all())


def test_the_slope_of_the_path():
    film = bumps([(2, 2), (3, 3)], 1.2, (5, 6)).requires_grad_()
    prior = WassersteinPath(tol=1e-12, max_iterations=5000, unit="pixel")
    assert torch.autograd.gradcheck(prior, film, eps=1e-5, atol=1e-5)


def test_a_frame_at_the_barycenter_of_its_neighbours_costs_nothing():
    ends = bumps([(12, 8), (12, 18)], [2.0, 4.0])
    middle = barycenter(ends[None], Grid(SIZE), blur=0.7, tol=1e-3).measure[0]
    film = torch.stack([ends[0], 5 * middle, 7 * ends[1]])
    prior = BarycenterPrior(triplets="all")
    off = torch.stack([ends[0], ends[0], ends[1]])
    expected = float((ends[0] - middle).square().sum())
    assert float(prior(film)) < 1e-6 * expected
    assert float(prior(off)) == pytest.approx(expected, rel=1e-4)
    assert float(BarycenterPrior(triplets="all", reduction="mean")(off)) == pytest.approx(expected / 720, rel=1e-4)


def test_the_barycenter_prior_pulls_at_the_middle_alone():
    film = bumps([(12, 8), (12, 10), (12, 18)]).requires_grad_()
    (gradient,) = torch.autograd.grad(BarycenterPrior(triplets="all")(film), film)
    assert float(gradient[[0, 2]].abs().max()) == 0
    assert float(gradient[1].abs().max()) > 0


def test_triplets():
    film = bumps([(12, 6 + 2 * k) for k in range(6)])
    pulled = {}
    for triplets in ("all", "odd"):
        film.requires_grad_()
        (gradient,) = torch.autograd.grad(BarycenterPrior(triplets=triplets)(film), film)
        pulled[triplets] = [k for k in range(6) if float(gradient[k].abs().max()) > 0]
    assert pulled == {"all": [1, 2, 3, 4], "odd": [1, 3]}
    draws = []
    for seed in (0, 0, 1):
        prior = BarycenterPrior(generator=torch.Generator().manual_seed(seed))
        draws.append([prior.wanted(6).tolist() for _ in range(40)])
    assert draws[0] == draws[1] != draws[2]
    assert {tuple(one) for one in draws[0]} == {(k, k + 1, k + 2) for k in range(4)}
    assert BarycenterPrior(triplets="odd").wanted(6).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_triplet_on_its_own_is_that_of_the_film():
    film = bumps([(12, 6 + k**2) for k in range(5)])
    whole, parts = (BarycenterPrior(generator=torch.Generator().manual_seed(3)) for _ in range(2))
    values = []
    for _ in range(4):
        frames = parts.wanted(5)
        values.append(float(parts(film[frames], frames)))
        assert values[-1] == float(whole(film))
    assert len(set(values)) > 1


def test_the_listing_of_the_source_falls_short_of_mass():
    film = bumps([(16, 10), (16, 16), (16, 22)], size=(32, 32))
    prior = BarycenterPrior(triplets="all", solver="appendix B")
    pair = film[[0, 2]]
    torch.testing.assert_close(prior.targets(pair[None])[0], appendix_b_barycenter(pair))
    assert float(prior.targets(pair[None]).sum()) < 0.999
    assert float(prior(film)) > float(BarycenterPrior(triplets="all")(film))


def test_targets_are_between_observed_frames_whatever_the_gap():
    film = bumps([(12, 6 + 2 * k) for k in range(8)], masses=torch.arange(1.0, 9.0))
    broken = film.clone()
    broken[[1, 2, 4, 5, 7]] = 0.01
    prior = TransportTargets(8, SIZE, (0, 3, 6), dtype=torch.float64)
    assert prior.aimed == (1, 2, 4, 5)
    broken.requires_grad_()
    prior.prepare(broken.detach)
    value = prior(broken, torch.arange(8))
    (gradient,) = torch.autograd.grad(value, broken)
    assert [k for k in range(8) if float(gradient[k].abs().max()) > 0] == [1, 2, 4, 5]
    expected = barycentric_frames(broken, (0, 3, 6), tol=1e-2)[[1, 2, 4, 5]]
    assert torch.equal(prior.targets, expected)
    error = (broken.detach()[[1, 2, 4, 5]] - expected).square().sum() / expected.square().sum()
    torch.testing.assert_close(value.detach(), error)
    torch.testing.assert_close(expected, film[[1, 2, 4, 5]], rtol=0, atol=0.02 * float(film.max()))


def test_targets_are_made_anew_from_time_to_time():
    film = bumps([(12, 6 + 2 * k) for k in range(5)])
    prior = TransportTargets(5, SIZE, (0, 2, 4), refresh=3, dtype=torch.float64)
    seen = []
    for step in range(7):
        prior.prepare(lambda step=step: film.roll(step, -1))
        seen.append(prior.targets.clone())
    assert [bool(torch.equal(a, b)) for a, b in pairwise(seen)] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]


def test_thin_data_in_every_frame_ask_every_second_one_about_the_others():
    film = bumps([(12, 6 + 2 * k) for k in range(7)])
    prior = TransportTargets(7, SIZE, range(7), also_observed=True, dtype=torch.float64)
    assert prior.aimed == (1, 2, 3, 4, 5)
    torch.testing.assert_close(prior.make(film), film[1:6], rtol=0, atol=0.03 * float(film.max()))


def test_variation_by_hand_and_without_unit():
    film = torch.zeros(2, 3, 4, dtype=torch.float64)
    film[0, 1, 1] = 1.0
    found = float(SpatialTV()(film))
    mean = 1 / 24
    # Differences at (0, 1): down; (1, 0): right; (1, 1): both.
    expected = (1 / mean + 1 / mean + math.sqrt(2) / mean) / 12
    assert found == pytest.approx(expected, rel=1e-3)
    assert float(SpatialTV()(1000 * film)) == pytest.approx(found)
    assert float(SpatialTV()(torch.full((2, 3, 4), 1j))) == pytest.approx(0, abs=1e-9)


def test_variation_of_single_frames_adds_up_where_they_are_as_bright():
    film = bumps([(12, 6 + 2 * k) for k in range(5)])
    whole, parts = SpatialTV(), SpatialTV(5)
    assert not whole.by_frames
    assert (parts.by_frames, parts.aimed) == (True, (0, 1, 2, 3, 4))
    each = torch.stack([parts(film[k : k + 1], torch.tensor([k])) for k in range(5)])
    torch.testing.assert_close(each.sum(), whole(film), rtol=1e-3, atol=0)
    torch.testing.assert_close(parts(film), whole(film))


def test_priors_by_frames_add_up():
    film = bumps([(12, 6 + 2 * k) for k in range(7)])
    targets, variation = TransportTargets(7, SIZE, (0, 3, 6), dtype=torch.float64), SpatialTV(7)
    both = PriorSum((targets, variation), (2.0, 0.5))
    assert targets.aimed == (1, 2, 4, 5)
    assert both.aimed == (0, 1, 2, 3, 4, 5, 6)
    both.prepare(lambda: film)
    assert int(targets.steps) == 1
    for frames in (torch.arange(7), torch.tensor([2, 3]), torch.tensor([0])):
        images = film[frames] * 1.5
        torch.testing.assert_close(both(images, frames), 2 * targets(images, frames) + variation(images, frames) / 2)
    assert repr(both) != repr(PriorSum((targets, variation), (2.0, 0.6)))
    assert both.generator is None


def dark(prior):
    prior.prepare(lambda: torch.zeros(5, *SIZE))
    return prior


class Drawing(SpatialTV):
    def __init__(self, generator):
        super().__init__(5)
        self.generator = generator


def test_a_sum_shows_what_its_priors_draw_from():
    one, other = torch.Generator(), torch.Generator()
    assert PriorSum((SpatialTV(5), Drawing(one), Drawing(one)), (1.0, 1.0, 1.0)).generator is one
    with pytest.raises(ValueError, match="different generators, and a checkpoint holds one: give all the same"):
        PriorSum((Drawing(one), Drawing(other)), (1.0, 1.0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: WassersteinPath()(torch.ones(4, 5)), TypeError, r"\(t, y, x\), got a tensor of shape \(4, 5\)"),
        (lambda: WassersteinPath()(torch.ones(1, 4, 5)), ValueError, "at least 2 frames, got 1"),
        (lambda: PriorSum((), ()), ValueError, "as many, at least one, got 0 and 0"),
        (lambda: PriorSum((SpatialTV(4),), (1.0, 2.0)), ValueError, "got 1 and 2"),
        (lambda: PriorSum((SpatialTV(4),), (-1.0,)), ValueError, "weights must be at least 0"),
        (
            lambda: PriorSum((SpatialTV(),), (1.0,)),
            ValueError,
            r"SpatialTV is no sum over frames as it is: .* SpatialTV\(frames\)",
        ),
        (
            lambda: PriorSum((WassersteinPath(),), (1.0,)),
            ValueError,
            "WassersteinPath is no sum over frames as it is: leave it out",
        ),
        (lambda: SpatialTV(0), ValueError, "frames must be at least 1"),
        (lambda: WassersteinPath(reduction="add"), ValueError, "'sum' or 'mean', got 'add'"),
        (lambda: WassersteinPath(blur=0), ValueError, "blur must be positive"),
        (lambda: WassersteinPath(frames=(0, 9))(torch.ones(3, 4, 5)), ValueError, "of the frames 0 to 2"),
        (lambda: BarycenterPrior(), ValueError, "random triplets need a generator"),
        (lambda: BarycenterPrior(triplets="even"), ValueError, "'random' or 'odd' or 'all'"),
        (lambda: BarycenterPrior(triplets="all")(torch.ones(2, 4, 5)), ValueError, "at least 3 frames"),
        (lambda: random_triplets().wanted(2), ValueError, "frames must be at least 3, got 2"),
        (
            lambda: random_triplets()(torch.ones(4, 4, 5), torch.arange(4)),
            ValueError,
            "three successive ones, got .* for 4 images",
        ),
        (lambda: random_triplets()(torch.ones(3, 4, 5), torch.tensor([0, 2, 4])), ValueError, "three successive ones"),
        (
            lambda: BarycenterPrior(triplets="odd")(torch.ones(3, 4, 5), torch.tensor([1, 2, 3])),
            ValueError,
            "all of them, in order",
        ),
        (lambda: TransportTargets(5, SIZE, (0, 1, 2, 3, 4)), ValueError, "say also_observed=True"),
        (lambda: TransportTargets(5, SIZE, (0,)), ValueError, "at least 2 of the frames 0 to 4"),
        (lambda: TransportTargets(5, SIZE, (0, 2), refresh=0), ValueError, "refresh must be at least 1"),
        (lambda: TransportTargets(5, SIZE, (0, 4)).make(torch.zeros(5, *SIZE)), ValueError, "a frame is empty"),
        (lambda: TransportTargets(5, SIZE, (0, 4)).make(torch.ones(5, 6, 7)), ValueError, r"of shape \(5, 6, 7\)"),
        (lambda: TransportTargets(5, SIZE, (0, 4)).make(torch.ones(6, *SIZE)), ValueError, "must have 5 frames, got 6"),
        (
            lambda: TransportTargets(5, SIZE, (0, 4), dtype=torch.float32).make(torch.ones(5, *SIZE) + 0j),
            ValueError,
            "this one is torch.complex64",
        ),
        (lambda: TransportTargets(5, (4,), (0, 4)), ValueError, "two positive integers"),
        (lambda: barycentric_frames([1.0, 2.0], (0, 1)), TypeError, "film must be a real or complex tensor"),
        (lambda: barycentric_frames(torch.ones(3, *SIZE) - 2, (0, 2)), ValueError, r"negative .* film.clamp\(min=0\)"),
        (lambda: barycentric_frames(torch.ones(3, *SIZE) / 0, (0, 2)), ValueError, "not finite"),
        (
            lambda: TransportTargets(5, SIZE, (0, 4))(torch.ones(1, *SIZE), torch.tensor([1])),
            RuntimeError,
            "call prepare before the first step",
        ),
        (
            lambda: dark(TransportTargets(5, SIZE, (0, 4), moves="edges"))(torch.ones(1, *SIZE), torch.tensor([1])),
            RuntimeError,
            "the targets are zero or not finite",
        ),
        (lambda: TransportTargets(4, SIZE, (0, 1), also_observed=True), ValueError, "observed ones: leave the prior"),
    ],
)
def test_bad_input_names_the_fix(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (
            WassersteinPath,
            {"blur": 2.0, "squared": False, "reduction": "mean", "unit": "pixel", "tol": 0.1, "max_iterations": 7},
        ),
        (BarycenterPrior, {"blur": 2.0, "triplets": "all", "reduction": "mean", "tol": 0.1, "max_iterations": 7}),
    ],
)
def test_a_checkpoint_tells_priors_apart_by_each_setting(kind, settings):
    usual = {"generator": torch.Generator().manual_seed(0)} if kind is BarycenterPrior else {}
    shown = {repr(kind(**usual, **{name: value})) for name, value in settings.items()} | {repr(kind(**usual))}
    assert len(shown) == len(settings) + 1
