"""Low rank plus sparse against the singular values of numpy, and its conditions of optimality."""

import math

import numpy as np
import pytest
import torch

from otrecon.mri import CartesianFilm, low_rank_plus_sparse, zero_filled
from otrecon.mri.reconstruction.low_rank import shrink_singular_values, singular_values
from otrecon.operators import Identity
from tests.laws import randn, relative
from tests.mri.films import FILM, scanner


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
