"""Reconstructions of films against closed forms, conditions of optimality, and other algorithms."""

import math

import numpy as np
import pytest
import torch

from otrecon.mri import (
    CartesianFilm,
    FilmDifference,
    RadialFilm,
    cg_sense,
    grasp,
    low_rank_plus_sparse,
    radial_trajectory,
    temporal_tv,
    zero_filled,
)
from otrecon.mri.reconstruction.low_rank import shrink_singular_values, singular_values
from otrecon.operators import Identity
from otrecon.solvers import ConvergenceWarning, LeastSquares, MixedNorm, StackedNorms, primal_dual
from tests.laws import randn, relative

FILM = (5, 7, 6)


def scanner(*, empty=(), seed=0, dtype=torch.complex128):
    """A small film with a block that moves and one that blinks, two coils, three fifths of k-space, noisy data."""
    smaps = randn((2, *FILM[1:]), seed=seed, dtype=dtype)
    smaps = smaps / torch.linalg.vector_norm(smaps, dim=0)
    masks = torch.rand(FILM, generator=torch.Generator().manual_seed(seed)) < 0.6
    masks[list(empty)] = False
    operator = CartesianFilm(masks, smaps)
    film = torch.zeros(FILM, dtype=dtype)
    film[:, 1:6, 1:5] = 1
    for t in range(FILM[0]):
        film[t, 2:4, t : t + 2] = 0.4 + 0.6j
    film[2:4, 5, 2] = 2
    noise = 0.02 * randn(operator.range, seed=seed + 1, dtype=dtype)
    return operator, film, operator.mask * (operator(film) + noise)


METHODS = {
    "temporal_tv": lambda A, y, **kw: temporal_tv(A, y, weight=0.02, **kw),
    "temporal_tv in space": lambda A, y, **kw: temporal_tv(A, y, weight=0.02, space_weight=0.01, periodic=True, **kw),
    "grasp": lambda A, y, **kw: grasp(A, y, weight=0.02, **({"smoothing": 0.1, "tolerance": 1e-4} | limit(kw, 60))),
    "low_rank_plus_sparse": lambda A, y, **kw: low_rank_plus_sparse(
        A, y, low_rank_weight=0.02, sparse_weight=0.02, **({"max_iterations": 2000} | kw)
    ),
}


def limit(settings, restarts):
    """Settings of grasp from those of the others: it counts iterations by the restart."""
    settings = dict(settings)
    if "max_iterations" in settings:
        return {"restarts": 1, "iterations": settings.pop("max_iterations"), **settings}
    return {"restarts": restarts, "iterations": 20, **settings}


# Total variation in time


@pytest.mark.parametrize("weight", [0.1, 0.3])
def test_two_frames_shrink_towards_their_mean(weight):
    # Each of two values moves by w along their difference, until they meet in the middle.
    y = randn((2, 4, 3), seed=3)
    result = temporal_tv(Identity((2, 4, 3)), y, weight=weight, tolerance=1e-10, max_iterations=2000)
    w = weight * float(y.abs().max())
    assert float(result.weight) == pytest.approx(w)
    gap = y[1] - y[0]
    move = torch.minimum(torch.full_like(gap.real, w), gap.abs() / 2) * gap / gap.abs()
    expected = torch.stack([y[0] + move, y[1] - move])
    met = (gap.abs() <= 2 * w).double().mean()
    assert 0 < met < 1
    assert relative(result.image - expected, expected) < 1e-7


def test_two_frames_of_a_periodic_film_shrink_twice():
    y = torch.tensor([1.0, 3.0], dtype=torch.complex128).reshape(2, 1, 1)
    result = temporal_tv(Identity((2, 1, 1)), y, weight=0.1, periodic=True, tolerance=1e-10, max_iterations=2000)
    torch.testing.assert_close(result.image.flatten().real, torch.tensor([1.6, 2.4], dtype=torch.float64))


def test_temporal_tv_meets_its_optimality_conditions():
    # In time alone the dual variable of each pixel is the running sum of the gradient of the data term.
    operator, _, y = scanner()
    result = temporal_tv(operator, y, weight=0.05, tolerance=1e-8, max_iterations=3000)
    x, w = result.image, float(result.weight)
    assert w == pytest.approx(0.05 * float(operator.adjoint(y).abs().max()))
    dual = torch.cumsum(operator.adjoint(operator(x) - y), 0)
    jumps = torch.diff(x, dim=0)
    jumping = jumps.abs() > 1e-5
    assert dual[-1].abs().max() < 1e-7
    assert dual.abs().max() <= w * (1 + 1e-5)
    assert 0.05 < jumping.double().mean() < 0.8
    torch.testing.assert_close(dual[:-1][jumping], w * jumps[jumping] / jumps[jumping].abs(), rtol=0, atol=1e-4 * w)
    value = (operator(x) - y).abs().square().sum() / 2 + w * jumps.abs().sum()
    assert result.objective[-1] == pytest.approx(float(value), rel=1e-9)


@pytest.mark.parametrize("periodic", [False, True])
def test_temporal_and_spatial_variation_agree_with_the_primal_dual_method(periodic):
    operator, _, y = scanner(empty=(1,))
    ours = temporal_tv(
        operator, y, weight=0.03, space_weight=0.02, periodic=periodic, tolerance=1e-7, max_iterations=3000
    )
    m0 = float(operator.adjoint(y).abs().max())
    norms = StackedNorms([(1, MixedNorm(0.03 * m0, dims=4)), (2, MixedNorm(0.02 * m0, dims=4, group=-4))], axis=-4)
    theirs = primal_dual(
        LeastSquares(operator, y),
        FilmDifference(FILM, space=True, periodic=periodic),
        norms,
        tolerance=0,
        max_iterations=700,
    )
    assert ours.converged
    assert ours.error <= 1e-7
    assert theirs.error < 1e-5
    assert ours.objective[-1] == pytest.approx(theirs.objective[-1], rel=1e-6)
    assert relative(ours.image - theirs.x, theirs.x) < 1e-4


def test_a_frame_without_data_lies_between_its_neighbours():
    operator, _, y = scanner(empty=(2,))
    x = temporal_tv(operator, y, weight=0.02, tolerance=1e-8, max_iterations=3000).image
    # No detour: the two steps are together as long as the one over them.
    detour = (x[2] - x[1]).abs() + (x[3] - x[2]).abs() - (x[3] - x[1]).abs()
    assert detour.max() < 1e-4
    assert x[2].abs().max() > 0.5
    assert not zero_filled(operator, y).image[2].any()


def test_it_is_better_than_the_frames_alone():
    operator, film, y = scanner()
    alone = cg_sense(operator, y, regularisation=0.01).image
    assert relative(temporal_tv(operator, y, weight=0.01).image - film, film) < 0.7 * relative(alone - film, film)


def test_weight_zero_is_least_squares():
    operator, _, y = scanner()
    least = cg_sense(operator, y, tolerance=1e-9).image
    result = temporal_tv(operator, y, weight=0.0, tolerance=1e-9, max_iterations=5000)
    assert relative(operator.gram(result.image - least), least) < 1e-7


# The way of iGRASP


def test_grasp_reaches_a_zero_gradient_of_the_smooth_objective():
    operator, _, y = scanner(empty=(1,))
    result = grasp(
        operator, y, weight=0.03, space_weight=0.02, smoothing=0.2, restarts=1, iterations=300, tolerance=1e-7
    )
    assert result.converged
    m0 = float(operator.adjoint(y).abs().max())
    mu = 0.2 * m0 / operator.norm(iterations=12) ** 2
    x = result.image.clone().requires_grad_()
    d = FilmDifference(FILM, space=True)(x)
    along_t, in_space = d[0].abs().square(), d[1:].abs().square().sum(0)
    value = (operator(x) - y).abs().square().sum() / 2
    value = (
        value + 0.03 * m0 * ((along_t + mu**2).sqrt() - mu).sum() + 0.02 * m0 * ((in_space + mu**2).sqrt() - mu).sum()
    )
    (gradient,) = torch.autograd.grad(value, x)
    assert torch.linalg.vector_norm(gradient) < 1e-6 * torch.linalg.vector_norm(operator.adjoint(y))
    assert result.objective[-1] == pytest.approx(float(value.detach()), rel=1e-8)
    assert (np.diff(result.objective) <= 1e-12).all()


def test_grasp_approaches_temporal_tv_as_the_smoothing_goes():
    operator, _, y = scanner()
    exact = temporal_tv(operator, y, weight=0.05, tolerance=1e-8, max_iterations=3000)
    apart, start = [], None
    for smoothing in (1e-1, 1e-2, 1e-3):
        result = grasp(
            operator, y, weight=0.05, smoothing=smoothing, initial=start, restarts=1, iterations=300, tolerance=1e-5
        )
        start = result.image
        apart.append(relative(start - exact.image, exact.image))
        jumps = float(torch.diff(start, dim=0).abs().sum())
        value = float((operator(start) - y).abs().square().sum()) / 2 + float(exact.weight) * jumps
        assert value >= exact.objective[-1] * (1 - 1e-9)
        # The smooth objective is below the true one, by mu a difference at most.
        assert result.objective[-1] <= value
    assert apart[0] > 3 * apart[1] > 6 * apart[2]
    assert apart[2] < 5e-3
    assert value == pytest.approx(exact.objective[-1], rel=5e-3)


def test_published_iterations_stop_early():
    operator, _, y = scanner()
    result = grasp(operator, y, weight=0.05)
    assert result.iterations == 24
    assert not result.converged
    assert result.error > 1e-3


# Low rank plus sparse


def test_singular_values_shrink_as_those_of_numpy():
    film = randn((2, *FILM), seed=4)
    threshold = torch.tensor([3.0, 100.0]).reshape(2, 1, 1, 1)
    shrunk, total = shrink_singular_values(film, threshold)
    u, s, vh = np.linalg.svd(film.flatten(-2).numpy(), full_matrices=False)
    assert 0 < (s[0] > 3).sum() <= 5
    kept = np.maximum(s - threshold.reshape(2, 1).numpy(), 0)
    expected = (u * kept[:, None]) @ vh
    torch.testing.assert_close(shrunk.flatten(-2), torch.from_numpy(expected).to(shrunk.dtype))
    torch.testing.assert_close(singular_values(film), torch.from_numpy(s))
    assert float(total[0]) == pytest.approx(np.maximum(s[0] - 3, 0).sum())
    assert not shrunk[1].any()
    assert not shrink_singular_values(torch.zeros(3, 2, 2, dtype=torch.complex64), torch.zeros(1, 1, 1))[0].any()


def test_each_part_alone_is_a_threshold():
    y = randn(FILM, seed=5)
    casorati, frequencies = y.flatten(1).numpy(), np.fft.fft(y.numpy(), axis=0, norm="ortho")
    u, s, vh = np.linalg.svd(casorati, full_matrices=False)
    only_low = low_rank_plus_sparse(Identity(FILM), y, low_rank_weight=0.5, sparse_weight=1e3, tolerance=1e-10)
    expected = torch.from_numpy((u * np.maximum(s - 0.5 * s[0], 0)) @ vh).reshape(FILM)
    assert not only_low.sparse.any()
    assert relative(only_low.low_rank - expected, expected) < 1e-8
    only_sparse = low_rank_plus_sparse(Identity(FILM), y, low_rank_weight=1e3, sparse_weight=0.3, tolerance=1e-10)
    size = np.abs(frequencies)
    shrunk = frequencies * np.maximum(1 - 0.3 * size.max() / size, 0)
    expected = torch.from_numpy(np.fft.ifft(shrunk, axis=0, norm="ortho"))
    assert not only_sparse.low_rank.any()
    assert relative(only_sparse.sparse - expected, expected) < 1e-8
    assert torch.equal(only_sparse.image, only_sparse.low_rank + only_sparse.sparse)


def test_low_rank_plus_sparse_meets_its_optimality_conditions():
    operator, _, y = scanner(empty=(1,))
    result = low_rank_plus_sparse(
        operator, y, low_rank_weight=0.05, sparse_weight=0.05, tolerance=1e-9, max_iterations=5000
    )
    low, high = float(result.weight), float(result.sparse_weight)
    assert low == pytest.approx(0.05 * np.linalg.norm(operator.adjoint(y).flatten(1).numpy(), 2))
    slope = operator.adjoint(y - operator(result.image))
    nuclear = np.linalg.svd(result.low_rank.flatten(1).numpy(), compute_uv=False).sum()
    coefficients = np.abs(np.fft.fft(result.sparse.numpy(), axis=0, norm="ortho"))
    assert np.linalg.norm(slope.flatten(1).numpy(), 2) <= low * (1 + 1e-6)
    assert float((slope.conj() * result.low_rank).sum().real) == pytest.approx(low * nuclear, rel=1e-6)
    assert np.abs(np.fft.fft(slope.numpy(), axis=0, norm="ortho")).max() <= high * (1 + 1e-6)
    assert float((slope.conj() * result.sparse).sum().real) == pytest.approx(high * coefficients.sum(), rel=1e-6)
    assert nuclear > 0
    assert 0 < (coefficients > 1e-8).mean() < 0.9
    value = float((operator(result.image) - y).abs().square().sum()) / 2 + low * nuclear + high * coefficients.sum()
    assert result.objective[-1] == pytest.approx(value, rel=1e-9)


def test_a_static_background_and_a_blob_that_beats_come_apart():
    frames, ny, nx = 12, 14, 13
    yy, xx = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing="ij")
    background = (1 + 0.5 * torch.cos(0.3 * yy) * torch.cos(0.4 * xx)).to(torch.complex128)
    blob = torch.exp(-((yy - 6.0) ** 2 + (xx - 5.0) ** 2) / 2).where((yy - 6) ** 2 + (xx - 5) ** 2 < 9, 0.0)
    beat = torch.cos(2 * math.pi * 2 * torch.arange(frames) / frames)[:, None, None] * blob
    film = background + beat
    mask = torch.rand(frames, ny, nx, generator=torch.Generator().manual_seed(0)) < 0.7
    # The centre of k-space must be known in every frame: no low rank fills in the few numbers that hold the energy.
    mask[:, 5:10, 4:9] = True
    operator = CartesianFilm(mask)
    result = low_rank_plus_sparse(operator, operator(film), low_rank_weight=0.01, sparse_weight=0.012)
    assert relative(result.low_rank - background, film) < 0.02
    assert relative(result.sparse - beat, beat) < 0.2
    assert relative(result.image - film, film) < 0.02
    assert relative(zero_filled(operator, operator(film)).image - film, film) > 0.04


# What all of them promise


def test_radial_films_weighted_by_density():
    ktrajs = [None if t == 2 else radial_trajectory(6 - t % 2, 12, first_spoke=6 * t, oversampling=2) for t in range(4)]
    generator = torch.Generator().manual_seed(1)
    dcomp = [None if k is None else 0.1 + torch.rand(k.shape[1], generator=generator) for k in ktrajs]
    operator = RadialFilm(ktrajs, (12, 10), dcomp=dcomp)
    film = torch.zeros(4, 12, 10, dtype=torch.complex128)
    film[:, 3:9, 3:7] = 1.0
    for A, y in (
        (operator, operator(film)),
        (operator.density_weighted(), operator.density_weighted().weigh(operator(film))),
    ):
        assert relative(temporal_tv(A, y, weight=1e-3, space_weight=1e-3).image - film, film) < 0.05
        assert relative(low_rank_plus_sparse(A, y, low_rank_weight=0.01, sparse_weight=0.1).image - film, film) < 0.6
        assert grasp(A, y, weight=1e-3).image.shape == film.shape


@pytest.mark.parametrize("name", METHODS)
def test_scaling_the_data_scales_the_film(name):
    operator, _, y = scanner()
    one, many = METHODS[name](operator, y, tolerance=1e-6), METHODS[name](operator, 1e6 * y, tolerance=1e-6)
    assert relative(many.image - 1e6 * one.image, many.image) < 1e-4


@pytest.mark.parametrize("name", METHODS)
def test_batch_is_its_items(name):
    operator, _, y = scanner()
    batch = torch.stack([y, torch.zeros_like(y), 0.1j * y.flip(-1) * operator.mask])
    together = METHODS[name](operator, batch, tolerance=1e-6)
    assert together.weight.shape == (3,)
    for item, data in zip(together.image, batch, strict=True):
        alone = METHODS[name](operator, data, tolerance=1e-6).image
        assert torch.linalg.vector_norm(item - alone) <= 1e-3 * torch.linalg.vector_norm(y)


@pytest.mark.parametrize("name", METHODS)
def test_single_precision_stays_and_nothing_is_recorded(name):
    operator, _, y = scanner(dtype=torch.complex64)
    operator.smaps.requires_grad_()
    result = METHODS[name](operator, y)
    assert result.image.dtype == torch.complex64
    assert not result.image.requires_grad
    assert result.converged
    assert torch.equal(METHODS[name](operator, y).image, result.image)


@pytest.mark.parametrize("name", METHODS)
def test_callback_history_and_unfinished_work(name):
    operator, _, y = scanner()
    seen = []
    with pytest.warns(ConvergenceWarning, match="after 3 iterations") as caught:
        result = METHODS[name](
            operator, y, max_iterations=3, tolerance=1e-9, callback=lambda i, film: seen.append((i, film.clone()))
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert [i for i, _ in seen] == [1, 2, 3]
    assert relative(seen[-1][1] - result.image, result.image) < 1e-14
    assert len(result.residuals) == len(result.objective) == result.iterations == 3
    assert not result.converged
    assert result.error >= result.residuals[-1] > 1e-9
    assert METHODS[name](operator, y, max_iterations=2, tolerance=0).iterations == 2


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda y: y.index_fill(-1, torch.tensor([4]), math.nan), ValueError, "NaN or infinity"),
        (lambda y: y.real, TypeError, "must be complex"),
        (lambda y: y[..., 1:], ValueError, "range of shape"),
    ],
)
def test_bad_data(name, spoil, error, message):
    operator, _, y = scanner()
    with pytest.raises(error, match=message):
        METHODS[name](operator, spoil(y))


def test_bad_settings():
    operator, _, y = scanner()
    for method in (temporal_tv, grasp):
        with pytest.raises(ValueError, match=r"weight must be a finite number of at least 0, got -0\.1"):
            method(operator, y, weight=-0.1)
        with pytest.raises(ValueError, match="space_weight must be a finite number of at least 0, got nan"):
            method(operator, y, weight=0.1, space_weight=math.nan)
        with pytest.raises(ValueError, match=r"films \(t, y, x\), got one on .*: build a RadialFilm or a Cart"):
            method(Identity((3, 4)), y[0, 0], weight=0.1)
        with pytest.raises(ValueError, match="initial must match"):
            method(operator, y, weight=0.1, initial=torch.zeros(3, 3, dtype=y.dtype))
    for smoothing in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match=r"smoothing must be a positive finite number.*use temporal_tv"):
            grasp(operator, y, weight=0.1, smoothing=smoothing)
    with pytest.raises(ValueError, match="positive integer, got 0"):
        grasp(operator, y, weight=0.1, iterations=0)
    for name in ("low_rank_weight", "sparse_weight"):
        settings = {"low_rank_weight": 0.1, "sparse_weight": 0.1, name: -1.0}
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            low_rank_plus_sparse(operator, y, **settings)
    with pytest.raises(ValueError, match="low_rank_plus_sparse needs an operator on films"):
        low_rank_plus_sparse(Identity((3, 4)), y[0, 0], low_rank_weight=0.1, sparse_weight=0.1)
