"""What every reconstruction of films promises."""

import math

import pytest
import torch

from otrecon.mri import RadialFilm, grasp, low_rank_plus_sparse, radial_trajectory, temporal_tv
from otrecon.operators import Identity
from otrecon.solvers import ConvergenceWarning
from tests.laws import relative
from tests.mri.films import scanner

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


def test_radial_films_weighted_by_density():
    ktrajs = [
        None if t == 2 else radial_trajectory(12 - t % 2, 12, first_spoke=12 * t, oversampling=2) for t in range(4)
    ]
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
    one, many = METHODS[name](operator, y), METHODS[name](operator, 1e6 * y)
    assert relative(many.image - 1e6 * one.image, many.image) < 1e-4


@pytest.mark.parametrize("name", METHODS)
def test_batch_is_its_items(name):
    operator, _, y = scanner()
    batch = torch.stack([y, torch.zeros_like(y), 0.1j * y.flip(-1) * operator.mask])
    together = METHODS[name](operator, batch)
    assert together.weight.shape == (3,)
    for item, data in zip(together.image, batch, strict=True):
        alone = METHODS[name](operator, data).image
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
    for setting in ("restarts", "iterations"):
        with pytest.raises(ValueError, match=f"{setting} must be at least 1, got 0"):
            grasp(operator, y, weight=0.1, **{setting: 0})
    for name in ("low_rank_weight", "sparse_weight"):
        settings = {"low_rank_weight": 0.1, "sparse_weight": 0.1, name: -1.0}
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            low_rank_plus_sparse(operator, y, **settings)
    with pytest.raises(ValueError, match="low_rank_plus_sparse needs an operator on films"):
        low_rank_plus_sparse(Identity((3, 4)), y[0, 0], low_rank_weight=0.1, sparse_weight=0.1)
