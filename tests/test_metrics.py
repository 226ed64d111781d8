"""Metrics against scikit-image, which they share no code with, and the refusals."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from skimage import metrics as skimage_metrics

from otrecon import metrics


def pair(shape: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    reference = torch.rand(shape, dtype=torch.float64, generator=generator)
    return reference + 0.2 * torch.randn(shape, dtype=torch.float64, generator=generator), reference


SIZES = [(32, 32), (23, 41), (11, 12)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("data_range", [1.0, 0.3, 255.0])
def test_psnr_is_that_of_scikit_image(size, data_range):
    image, reference = pair(size)
    expected = skimage_metrics.peak_signal_noise_ratio(reference.numpy(), image.numpy(), data_range=data_range)
    assert float(metrics.psnr(image, reference, data_range=data_range)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        ({"window": 5}, {"win_size": 5}),
        ({"k1": 0.02, "k2": 0.05}, {"K1": 0.02, "K2": 0.05}),
        ({"weights": "gaussian"}, {"gaussian_weights": True, "use_sample_covariance": False}),
    ],
)
@pytest.mark.parametrize("data_range", [1.0, 0.1])
def test_ssim_and_its_map_are_those_of_scikit_image(size, options, theirs, data_range):
    image, reference = pair(size)
    expected, expected_map = skimage_metrics.structural_similarity(
        reference.numpy(), image.numpy(), data_range=data_range, full=True, **theirs
    )
    assert float(metrics.ssim(image, reference, data_range=data_range, **options)) == pytest.approx(expected, abs=1e-12)
    local = metrics.ssim_map(image, reference, data_range=data_range, **options).numpy()
    assert np.abs(local - expected_map).max() < 1e-11


@pytest.mark.parametrize("options", [{}, {"window": 5}, {"weights": "gaussian"}])
def test_the_three_terms_multiply_to_the_ssim_map(options):
    image, reference = pair((23, 41))
    terms = metrics.ssim_terms(image, reference, data_range=0.7, **options)
    whole = metrics.ssim_map(image, reference, data_range=0.7, **options)
    assert (terms.luminance * terms.contrast * terms.structure - whole).abs().max() < 1e-12
    assert max(float(term.max()) for term in terms) <= 1


def test_each_term_of_ssim_is_its_formula_on_one_window():
    image, reference = pair((7, 7))
    x, r = image.numpy().ravel(), reference.numpy().ravel()
    spread = np.cov(x, r)
    product = math.sqrt(spread[0, 0] * spread[1, 1])
    c1, c2 = (0.01 * 0.7) ** 2, (0.03 * 0.7) ** 2
    expected = (
        (2 * x.mean() * r.mean() + c1) / (x.mean() ** 2 + r.mean() ** 2 + c1),
        (2 * product + c2) / (spread[0, 0] + spread[1, 1] + c2),
        (spread[0, 1] + c2 / 2) / (product + c2 / 2),
    )
    terms = metrics.ssim_terms(image, reference, data_range=0.7)
    assert [float(term[3, 3]) for term in terms] == pytest.approx(expected, rel=1e-12)


def test_each_term_of_ssim_sees_its_own_change():
    _, reference = pair((32, 32))
    brighter = metrics.ssim_terms(reference + 0.5, reference, data_range=1.0)
    assert float(brighter.luminance.max()) < 0.99
    assert (torch.stack(brighter[1:]) - 1).abs().max() < 1e-12
    inverted = metrics.ssim_terms(1 - reference, reference, data_range=1.0)
    assert float(inverted.structure.max()) < -0.9
    assert (inverted.contrast - 1).abs().max() < 1e-12


@pytest.mark.parametrize("size", SIZES)
def test_relative_errors(size):
    image, reference = pair(size)
    expected = skimage_metrics.normalized_root_mse(reference.numpy(), image.numpy())
    assert float(metrics.nrmse(image, reference)) == pytest.approx(expected, rel=1e-12)
    assert float(metrics.nmse(image, reference)) == pytest.approx(expected**2, rel=1e-12)
    assert float(metrics.mse(image, reference)) == pytest.approx(
        skimage_metrics.mean_squared_error(reference.numpy(), image.numpy()), rel=1e-12
    )
    assert float(metrics.nmse(torch.zeros_like(reference), reference)) == 1.0


def test_nmse_of_a_volume_laid_end_to_end_is_that_of_fastmri():
    image, reference = pair((3, 8, 9))
    expected = np.linalg.norm(image - reference) ** 2 / np.linalg.norm(reference) ** 2
    assert float(metrics.nmse(image.flatten(0, 1), reference.flatten(0, 1))) == pytest.approx(expected, rel=1e-12)


def test_masks_choose_the_pixels():
    image, reference = pair((20, 17))
    mask = torch.zeros(20, 17, dtype=torch.bool)
    mask[3:9, 5:16] = True
    difference, inside = (image - reference)[mask], reference[mask]
    mean = float((difference**2).mean())
    assert float(metrics.mse(image, reference, mask=mask)) == pytest.approx(mean, rel=1e-12)
    assert float(metrics.psnr(image, reference, data_range=2.0, mask=mask)) == pytest.approx(
        10 * math.log10(4 / mean), rel=1e-12
    )
    assert float(metrics.nmse(image, reference, mask=mask)) == pytest.approx(
        mean / float((inside**2).mean()), rel=1e-12
    )
    local = metrics.ssim_map(image, reference, data_range=1.0)
    within = torch.zeros_like(mask)
    within[3:17, 3:14] = True
    assert float(metrics.ssim(image, reference, data_range=1.0, mask=mask)) == pytest.approx(
        float(local[mask & within].mean()), rel=1e-12
    )
    everywhere = torch.ones_like(mask)
    assert torch.allclose(
        metrics.ssim(image, reference, data_range=1.0, mask=everywhere), metrics.ssim(image, reference, data_range=1.0)
    )


def test_what_lies_outside_the_mask_does_not_count():
    image, reference = pair((12, 12))
    mask = torch.zeros(12, 12, dtype=torch.bool)
    mask[4:8, 4:8] = True
    spoiled = torch.where(mask, image, 1e3)
    for metric in (metrics.mse, metrics.nmse, metrics.nrmse):
        assert float(metric(spoiled, reference, mask=mask)) == float(metric(image, reference, mask=mask))


@pytest.mark.parametrize("name", ["mse", "nmse", "nrmse", "psnr", "ssim"])
def test_a_batch_is_its_images(name):
    metric = getattr(metrics, name)
    image, reference = pair((2, 3, 13, 16))
    options = {"data_range": 1.5} if "data_range" in inspect.signature(metric).parameters else {}
    mask = torch.rand(2, 3, 13, 16, generator=torch.Generator().manual_seed(1)) > 0.4
    batch = metric(image, reference, mask=mask, **options)
    assert batch.shape == (2, 3)
    assert batch.dtype == torch.float64
    for i in range(2):
        for j in range(3):
            single = metric(image[i, j], reference[i, j], mask=mask[i, j], **options)
            assert single.shape == ()
            assert torch.allclose(single, batch[i, j], rtol=1e-12)


def test_one_range_an_image():
    image, reference = pair((3, 9, 9))
    spans = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
    for metric in (metrics.psnr, metrics.ssim):
        together = metric(image, reference, data_range=spans)
        alone = [metric(image[i], reference[i], data_range=float(spans[i])) for i in range(3)]
        assert torch.allclose(together, torch.stack(alone), rtol=1e-12)


def test_identical_images():
    _, reference = pair((9, 14))
    assert float(metrics.psnr(reference, reference, data_range=1.0)) == math.inf
    assert float(metrics.ssim(reference, reference, data_range=1.0)) == pytest.approx(1.0, abs=1e-12)
    assert float(metrics.nmse(reference, reference)) == 0.0


def test_ssim_does_not_mind_the_order():
    image, reference = pair((9, 14))
    assert float(metrics.ssim(image, reference, data_range=1.0)) == pytest.approx(
        float(metrics.ssim(reference, image, data_range=1.0)), abs=1e-14
    )


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_float32_images_are_compared_in_double(metric):
    # A large mean swallows the variance when the window's moments are taken in single precision.
    image, reference = ((t + 4000).to(torch.float32) for t in pair((30, 30)))
    value = metric(image, reference, data_range=1.0)
    assert value.dtype == torch.float64
    assert float(value) == float(metric(image.double(), reference.double(), data_range=1.0))


@pytest.mark.parametrize("name", ["mse", "nmse", "psnr", "ssim"])
def test_gradients_by_finite_differences(name):
    metric = getattr(metrics, name)
    image, reference = pair((7, 8))
    options = {"data_range": 1.0} if name in ("psnr", "ssim") else {}
    assert torch.autograd.gradcheck(lambda x: metric(x, reference, **options), image.requires_grad_())


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.ssim_map])
def test_the_range_is_asked_for(metric):
    image, reference = pair((9, 9))
    with pytest.raises(TypeError, match=r"needs data_range.*cannot be compared"):
        metric(image, reference)
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="data_range must be positive"):
            metric(image, reference, data_range=bad)
    with pytest.raises(ValueError, match="shape of the batch"):
        metric(image, reference, data_range=torch.ones(2))


@pytest.mark.parametrize("name", ["mse", "nmse", "nrmse", "psnr", "ssim"])
def test_refusals(name):
    metric = getattr(metrics, name)
    options = {"data_range": 1.0} if name in ("psnr", "ssim") else {}
    image, reference = pair((9, 10))
    with pytest.raises(TypeError, match="Take the magnitude first"):
        metric(image.to(torch.complex128), reference, **options)
    with pytest.raises(TypeError, match="floating point"):
        metric(image, (255 * reference).to(torch.uint8), **options)
    with pytest.raises(TypeError, match="torch tensor, got ndarray"):
        metric(image.numpy(), reference, **options)
    with pytest.raises(ValueError, match=r"\(9, 10\) and reference \(9, 9\)"):
        metric(image, reference[:, :9], **options)
    with pytest.raises(ValueError, match="at least one pixel"):
        metric(image[0], reference[0], **options)
    with pytest.raises(ValueError, match="reference holds 1 NaN"):
        metric(image, torch.where(reference == reference.max(), math.nan, reference), **options)
    with pytest.raises(TypeError, match="boolean tensor"):
        metric(image, reference, mask=torch.ones(9, 10), **options)
    with pytest.raises(ValueError, match="mask must have shape"):
        metric(image, reference, mask=torch.ones(9, 9, dtype=torch.bool), **options)
    with pytest.raises(ValueError, match="mask selects no pixel"):
        metric(image, reference, mask=torch.zeros(9, 10, dtype=torch.bool), **options)
    with pytest.raises(ValueError, match="image is on cpu and reference on meta"):
        metric(image, reference.to("meta"), **options)
    with pytest.raises(ValueError, match="mask is on meta and the images on cpu"):
        metric(image, reference, mask=torch.ones(9, 10, dtype=torch.bool, device="meta"), **options)


def test_a_black_reference_has_no_relative_error():
    with pytest.raises(ValueError, match="relative to nothing"):
        metrics.nmse(torch.ones(3, 3), torch.zeros(3, 3))


def test_ssim_refuses_windows_that_do_not_fit():
    image, reference = pair((9, 6))
    with pytest.raises(ValueError, match="does not fit"):
        metrics.ssim(image, reference, data_range=1.0)
    for window in (4, 1, 5.0):
        with pytest.raises(ValueError, match="odd number"):
            metrics.ssim(image, reference, data_range=1.0, window=window)
    with pytest.raises(ValueError, match="weights must be"):
        metrics.ssim(image, reference, data_range=1.0, weights="box")
    with pytest.raises(ValueError, match="k1 and k2"):
        metrics.ssim(image, reference, data_range=1.0, window=3, k2=0.0)
    corner = torch.zeros(9, 6, dtype=torch.bool)
    corner[0, 0] = True
    with pytest.raises(ValueError, match="further than 1 pixels"):
        metrics.ssim(image, reference, data_range=1.0, window=3, mask=corner)
