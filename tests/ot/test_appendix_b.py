"""Seed 000, appendix B: our reproduction against dense kernels in the exponential domain, and its faults."""

import numpy as np
import pytest
import torch

from otrecon.ot.appendix_b import appendix_b_barycenter, appendix_b_blur


def bump(n, centre, std, dtype=torch.float64):
    line = torch.arange(n, dtype=dtype)
    y, x = (torch.exp(-((line - c) ** 2) / (2 * std**2)) for c in centre)
    image = y[:, None] * x
    return image / image.sum()


def pair(n, separation=0.25, std=1 / 12):
    return torch.stack(
        [bump(n, ((0.5 - side / 2 * separation) * n, 0.45 * n), std * n) for side in (1, -1)],
    )


def dense_reference(measures, weights, floor=1e-30, last_updates=20):
    """The same description with nothing shared: numpy, products, Kronecker kernels, bilinear as a matrix."""
    images = measures.numpy() + floor
    levels = [images]
    while levels[0].shape[-1] > 1:
        k, n, _ = levels[0].shape
        levels.insert(0, levels[0].reshape(k, n // 2, 2, n // 2, 2).prod((2, 4)))
    levels = levels[3:]
    n = levels[0].shape[-1]
    v, d = np.ones_like(levels[0]), np.ones((n, n))
    for number, image in enumerate(levels):
        n = image.shape[-1]
        line = np.arange(n) / (n - 1)
        squares = (line[:, None] - line) ** 2
        for eps, updates in zip(
            (4, 4, 4 * 0.49, 1), (5, 5, 5, last_updates if number + 1 == len(levels) else 5), strict=True
        ):
            kernel = np.kron(*[np.exp(-squares * n**2 / eps)] * 2)

            def convolve(u, kernel=kernel, n=n):
                return (u.reshape(-1, n * n) @ kernel).reshape(u.shape)

            for _ in range(updates):
                ku = convolve(image / convolve(v))
                centre = d * np.prod(ku ** weights[:, None, None], axis=0)
                d = np.sqrt(d * centre / convolve(d))
                v = centre / ku
        if number + 1 < len(levels):
            up = np.zeros((2 * n, n))
            for i in range(2 * n):
                place = min(max((i + 0.5) / 2 - 0.5, 0), n - 1)
                low = min(int(place), n - 2)
                up[i, low : low + 2] = (low + 1 - place, place - low)
            v, d = np.exp(up @ np.log(v) @ up.T), np.exp(up @ np.log(d) @ up.T)
    return torch.from_numpy(centre)


@pytest.mark.parametrize("n", [8, 16, 32])
def test_equals_dense_kernels(n):
    # A background, so that the product of the pixels of a coarse level stays a number.
    measures = pair(n) + 1e-3 / n**2
    expected = dense_reference(measures, np.array([0.5, 0.5]))
    torch.testing.assert_close(appendix_b_barycenter(measures), expected, rtol=1e-9, atol=0)


def test_weights_batches_and_dtype():
    first, second = pair(16) + 1e-5, pair(16, separation=0.1) + 1e-5
    weights = torch.tensor([0.2, 0.8], dtype=torch.float64)
    together = appendix_b_barycenter(torch.stack([first, second])[:, None], weights)
    assert together.shape == (2, 1, 16, 16)
    torch.testing.assert_close(together[0, 0], dense_reference(first, weights.numpy()), rtol=1e-9, atol=0)
    torch.testing.assert_close(together[1, 0], appendix_b_barycenter(second, weights))
    single = appendix_b_barycenter(first.float().requires_grad_())
    assert single.dtype == torch.float32
    assert not single.requires_grad


def test_it_starts_at_13_pixels_for_the_208_of_the_thesis():
    from otrecon.ot.appendix_b import _pyramid

    assert [level.shape[-1] for level in _pyramid(torch.zeros(1, 208, 208))] == [13, 26, 52, 104, 208]


def test_mass_is_missing_and_more_updates_bring_it_back():
    """Erratum 17: the defaults stop before the barycenter has its mass."""
    measures = pair(32, separation=0.5)
    missing = [1 - float(appendix_b_barycenter(measures, last_updates=u).sum()) for u in (20, 200, 2000)]
    assert missing[0] > 0.02
    assert missing[0] > 3 * missing[1] > 9 * missing[2]
    assert abs(missing[2]) < 1e-3


def test_a_background_costs_more_mass():
    """Erratum 17, second half: two discs of 32 x 32 lose six times as much with a background of 0.1 % of the peak."""
    line = torch.arange(32, dtype=torch.float64)
    distances = [torch.hypot(line[:, None] - y, line - 16) for y in (8, 24)]
    discs = torch.stack([torch.sigmoid(2 * (4 - distance)) for distance in distances])
    masses = [
        float(appendix_b_barycenter((f + discs) / (f + discs).sum((-2, -1), keepdim=True)).sum()) for f in (0, 1e-3)
    ]
    assert masses[0] == pytest.approx(0.97, abs=0.01)
    assert masses[1] < 0.85


def test_converged_it_is_the_barycenter_of_two_equal_bumps():
    """Two bumps of equal width: the debiased barycenter is the same bump half-way, whatever the blur."""
    n = 32
    found = appendix_b_barycenter(pair(n), last_updates=1000)
    expected = bump(n, (0.5 * n, 0.45 * n), n / 12)
    assert float((found - expected).abs().sum()) < 2e-3
    assert float(found.sum()) == pytest.approx(1, abs=1e-3)


def test_blur_is_that_of_the_kernel():
    """Its last kernel is exp(-|x - y|^2 / (2 blur^2)), with pixels for unit."""
    n = 32
    line = torch.linspace(0, 1, n, dtype=torch.float64)
    theirs = torch.exp(-((line[:, None] - line) ** 2) * n**2)
    steps = torch.arange(n, dtype=torch.float64)
    ours = torch.exp(-((steps[:, None] - steps) ** 2) / (2 * appendix_b_blur(n) ** 2))
    torch.testing.assert_close(theirs, ours)


@pytest.mark.parametrize(
    ("measures", "arguments", "error", "message"),
    [
        (np.ones((2, 8, 8)), {}, TypeError, "got ndarray"),
        (torch.ones(2, 8, 8, dtype=torch.complex64), {}, TypeError, "got torch.complex64"),
        (torch.ones(2, 8, 16), {}, ValueError, "square images"),
        (torch.ones(2, 200, 200), {}, ValueError, "halves 200 down to 12"),
        (torch.ones(2, 4, 4), {}, ValueError, "cannot come back"),
        (-torch.ones(2, 8, 8), {}, ValueError, "non-negative"),
        (torch.full((2, 8, 8), torch.nan), {}, ValueError, "NaN"),
        (torch.ones(3, 8, 8), {}, ValueError, "for two measures, got 3"),
        (torch.ones(2, 8, 8), {"weights": torch.ones(3)}, ValueError, "2 non-negative numbers"),
        (torch.ones(2, 8, 8), {"floor": 0.0}, ValueError, "floor must be positive"),
        (torch.ones(2, 8, 8), {"scaling": 1.0}, ValueError, "between 0 and 1"),
        (torch.ones(2, 8, 8), {"last_updates": 0}, ValueError, "at least 1"),
    ],
)
def test_what_it_cannot_do_is_said(measures, arguments, error, message):
    with pytest.raises(error, match=message):
        appendix_b_barycenter(measures, **arguments)
