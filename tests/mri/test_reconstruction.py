"""Classical reconstructions against closed forms, dense solutions and other libraries' solvers."""

import math

import numpy as np
import pytest
import torch

from otrecon.mri import (
    CartesianMRI,
    Fourier,
    RadialMRI,
    cg_sense,
    l1_wavelet,
    radial_density,
    radial_trajectory,
    simulate_coils,
    total_variation,
    zero_filled,
)
from otrecon.mri.wavelet import Wavelet
from otrecon.operators import Identity, Matrix
from otrecon.solvers import ConvergenceWarning
from tests.laws import randn, relative

IM_SIZE = (18, 21)


def scanner(*, coils=3, seed=0, dtype=torch.complex128):
    """A small scanner with random maps of unit norm, two thirds of k-space, and noisy data of blocks."""
    maps = randn((coils, *IM_SIZE), seed=seed, dtype=dtype)
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    mask = torch.rand(IM_SIZE, generator=torch.Generator().manual_seed(seed)) < 0.65
    operator = CartesianMRI(mask, maps)
    image = torch.zeros(IM_SIZE, dtype=dtype)
    image[4:13, 5:16] = 1.0
    image[7:10, 8:18] = 0.4 + 0.6j
    noise = 0.02 * randn(operator.range, seed=seed + 1, dtype=dtype)
    return operator, image, mask * (operator(image) + noise)


def dense(operator):
    """The matrix of an operator, column by column."""
    n = math.prod(operator.domain)
    columns = operator(torch.eye(n, dtype=torch.complex128).reshape(n, *operator.domain))
    return columns.reshape(n, -1).T


METHODS = {
    "zero_filled": zero_filled,
    "cg_sense": lambda A, y, **kw: cg_sense(A, y, regularisation=0.05, **kw),
    "l1_wavelet": lambda A, y, **kw: l1_wavelet(A, y, weight=0.01, wavelet="db2", **kw),
    "total_variation": lambda A, y, **kw: total_variation(A, y, weight=0.05, **kw),
}
ITERATIVE = [name for name in METHODS if name != "zero_filled"]


# Zero-filled and gridding


def test_zero_filled_is_the_adjoint():
    operator, _, y = scanner()
    result = zero_filled(operator, y)
    assert relative(result.image.flatten() - dense(operator).mH @ y.flatten(), result.image) < 1e-12
    assert result.converged
    assert result.iterations == 0


def test_density_compensation_weighs_the_data():
    operator, _, y = scanner()
    dcomp = torch.rand(IM_SIZE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.equal(zero_filled(operator, y, dcomp=dcomp).image, operator.adjoint(dcomp * y))


def test_density_compensation_in_double_leaves_single_data_single():
    operator, _, y = scanner(dtype=torch.complex64)
    dcomp = torch.rand(IM_SIZE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert zero_filled(operator, y, dcomp=dcomp).image.dtype == torch.complex64
    with pytest.raises(TypeError, match="dcomp must be a torch tensor, got float"):
        zero_filled(operator, y, dcomp=2.0)


@pytest.mark.parametrize(
    ("dcomp", "message"),
    [
        (torch.full(IM_SIZE, -1.0), "not negative"),
        (torch.full(IM_SIZE, math.nan), "finite"),
        (torch.ones(IM_SIZE, dtype=torch.complex64), "real"),
        (torch.ones(5, 3, *IM_SIZE), "does not fit"),
    ],
)
def test_bad_density_compensation(dcomp, message):
    operator, _, y = scanner()
    with pytest.raises(ValueError, match=message):
        zero_filled(operator, y, dcomp=dcomp)


# CG-SENSE


@pytest.mark.parametrize("regularisation", [0.0, 0.1])
def test_cg_sense_is_the_dense_solution(regularisation):
    operator, _, y = scanner()
    A = dense(operator)
    expected = torch.linalg.solve(A.mH @ A + regularisation * torch.eye(A.shape[1]), A.mH @ y.flatten())
    result = cg_sense(operator, y, regularisation=regularisation, tolerance=1e-11, max_iterations=500)
    assert result.converged
    assert relative(result.image.flatten() - expected, expected) < 1e-8
    assert (np.diff(result.objective) <= 1e-12).all()


def test_cg_sense_recovers_the_object_from_noiseless_data():
    operator, image, _ = scanner()
    result = cg_sense(operator, operator(image), tolerance=1e-10, max_iterations=500)
    assert relative(result.image - image, image) < 1e-7


# L1-wavelet


def test_l1_wavelet_of_a_unitary_operator_shrinks_coefficients():
    y = randn(IM_SIZE, seed=4)
    operator, transform = Fourier(IM_SIZE), Wavelet(IM_SIZE, "db2")
    result = l1_wavelet(operator, y, weight=0.3, wavelet="db2", spins=1, tolerance=1e-10)
    coefficients = transform(operator.adjoint(y))
    threshold = 0.3 * coefficients.abs().max()
    shrunk = coefficients * (1 - threshold / coefficients.abs()).clamp_min(0)
    assert relative(result.image - transform.adjoint(shrunk), shrunk) < 1e-8
    torch.testing.assert_close(result.weight, threshold)


def test_cycle_spinning_of_noise_free_sampling_is_the_classical_average():
    # A = 1: the reconstruction is the translation-invariant denoising of Coifman and Donoho, made here with pywt.
    import pywt

    y = randn((16, 24), seed=5)
    result = l1_wavelet(Identity((16, 24)), y, weight=0.4, wavelet="haar", levels=2, spins=4, tolerance=1e-10)
    threshold = float(result.weight)
    expected = np.zeros((16, 24), dtype=complex)
    for shift in [(0, 0), (1, 1), (0, 1), (1, 0)]:
        array, slices = pywt.coeffs_to_array(
            pywt.wavedec2(np.roll(y.numpy(), shift, (0, 1)), "haar", "periodization", level=2)
        )
        array = pywt.threshold(array, threshold, "soft")
        back = pywt.waverec2(pywt.array_to_coeffs(array, slices, "wavedec2"), "haar", "periodization")
        expected += np.roll(back, (-shift[0], -shift[1]), (0, 1)) / 4
    assert relative(result.image - torch.from_numpy(expected), result.image) < 1e-8


def test_l1_wavelet_meets_its_optimality_conditions():
    operator, _, y = scanner()
    result = l1_wavelet(operator, y, weight=0.02, wavelet="db2", spins=1, tolerance=1e-9, max_iterations=5000)
    transform, t = Wavelet(IM_SIZE, "db2"), float(result.weight)
    coefficients = transform(result.image)
    slope = transform(operator.adjoint(y - operator(result.image)))
    support = coefficients.abs() > 1e-9
    assert 0.02 < support.double().mean() < 0.9
    assert slope.abs().max() <= t * (1 + 1e-6)
    torch.testing.assert_close(
        slope[support], t * coefficients[support] / coefficients[support].abs(), rtol=0, atol=1e-7
    )
    value = 0.5 * (operator(result.image) - y).abs().square().sum() + t * coefficients.abs().sum()
    assert result.objective[-1] == pytest.approx(float(value), rel=1e-9)


@pytest.mark.parametrize("spins", [1, 3, 5])
def test_l1_wavelet_converges_to_one_minimum_from_anywhere(spins):
    operator, _, y = scanner()
    settings = {"weight": 0.02, "wavelet": "db2", "spins": spins, "tolerance": 1e-8, "max_iterations": 3000}
    first = l1_wavelet(operator, y, **settings)
    second = l1_wavelet(operator, y, initial=randn(IM_SIZE, seed=6), **settings)
    assert first.converged
    assert relative(first.image - second.image, first.image) < 1e-6
    assert first.objective[-1] == pytest.approx(second.objective[-1], rel=1e-10)
    # Every value on the way is above the minimum, and the last is the least.
    assert min(first.objective) >= first.objective[-1] * (1 - 1e-10)
    assert first.objective[0] > 1.5 * first.objective[-1]


def test_weight_one_is_exactly_where_the_image_vanishes():
    operator, _, y = scanner()
    assert not l1_wavelet(operator, y, weight=1.0001, wavelet="db2", spins=1).image.any()
    assert l1_wavelet(operator, y, weight=0.999, wavelet="db2", spins=1, tolerance=1e-8).image.any()


# Total variation


def test_total_variation_of_a_step_is_known():
    # Per row, a step of n1 and n2 pixels moves to a + t / n1 and b - t / n2 along the difference of the levels.
    a, b, n1, n2 = 1.0 + 0.5j, -0.2 + 1.1j, 8, 13
    y = torch.tensor([a] * n1 + [b] * n2, dtype=torch.complex128).expand(6, n1 + n2).clone()
    result = total_variation(Identity((6, n1 + n2)), y, weight=0.5, tolerance=1e-9, max_iterations=20000)
    t, direction = float(result.weight), (b - a) / abs(b - a)
    assert t == pytest.approx(0.5 * abs(a))
    expected = torch.tensor([a + direction * t / n1] * n1 + [b - direction * t / n2] * n2, dtype=torch.complex128)
    assert (result.image - expected).abs().max() < 1e-6


def test_total_variation_beyond_the_step_is_its_mean():
    y = torch.tensor([1.0] * 3 + [0.0] * 5, dtype=torch.complex128).expand(4, 8).clone()
    result = total_variation(Identity((4, 8)), y, weight=2.0, tolerance=1e-9, max_iterations=20000)
    assert (result.image - 3 / 8).abs().max() < 1e-6


def test_total_variation_agrees_with_scikit_image():
    from skimage.restoration import denoise_tv_chambolle

    _, image, _ = scanner()
    noisy = image.real + 0.1 * randn(IM_SIZE, seed=7, dtype=torch.float64)
    result = total_variation(Identity(IM_SIZE), noisy + 0j, weight=0.1, tolerance=1e-7, max_iterations=5000)
    theirs = denoise_tv_chambolle(noisy.numpy(), weight=float(result.weight), eps=1e-10, max_num_iter=5000)
    assert relative(result.image - torch.from_numpy(theirs), result.image) < 1e-4
    assert relative(result.image - noisy, result.image) > 0.05


def test_total_variation_meets_its_optimality_conditions_with_a_dense_operator():
    # One row: the dual variable is the running sum of the gradient of the data term.
    A = randn((25, 20), seed=8) / 4
    truth = torch.cat([torch.full((7,), 1.0 + 1j), torch.full((13,), -0.5 + 0j)]).to(torch.complex128)
    y = A @ truth + 0.05 * randn((25,), seed=9)

    class Row(Matrix):
        def __init__(self):
            super().__init__(A)
            self.domain = (1, 20)

        def _forward(self, x):
            return super()._forward(x.squeeze(-2))

        def _adjoint(self, y):
            return super()._adjoint(y).unsqueeze(-2)

    result = total_variation(Row(), y, weight=0.1, tolerance=1e-10, max_iterations=50000)
    x, t = result.image.squeeze(0), float(result.weight)
    dual = torch.cumsum(A.mH @ (A @ x - y), 0)
    jumps = torch.diff(x)
    jumping = jumps.abs() > 1e-6
    assert dual[-1].abs() < 1e-7
    assert dual.abs().max() <= t * (1 + 1e-6)
    assert 1 <= jumping.sum() < 19
    torch.testing.assert_close(dual[:-1][jumping], t * jumps[jumping] / jumps[jumping].abs(), rtol=0, atol=1e-6)


# Radial sampling: the same lines


def test_radial_data_plain_and_density_weighted():
    im_size = (20, 24)
    ktraj = radial_trajectory(60, 48)
    dcomp = radial_density(ktraj, im_size, samples=48)
    maps = simulate_coils(im_size, 4, dtype=torch.complex128)
    operator = RadialMRI(ktraj, im_size, maps, dcomp=dcomp)
    image = torch.zeros(im_size, dtype=torch.complex128)
    image[5:14, 8:17] = 1.0 + 0.5j
    kdata, weighted = operator(image), operator.density_weighted()
    gridded = zero_filled(operator, kdata, dcomp=dcomp).image
    data = dcomp.sqrt() * kdata
    assert relative(zero_filled(weighted, data).image - gridded, gridded) < 1e-12
    assert 0.01 < relative(gridded - image, image) < 0.05
    for A, y in ((operator, kdata), (weighted, data)):
        # Spokes do not reach the corners of k-space: least squares fills them slowly, a prior at once.
        assert relative(cg_sense(A, y, tolerance=1e-4).image - image, image) < 0.03
        assert relative(total_variation(A, y, weight=1e-4).image - image, image) < 0.005
        assert relative(l1_wavelet(A, y, weight=1e-4, wavelet="db2").image - image, image) < 0.01


# What all of them promise


@pytest.mark.parametrize("name", METHODS)
def test_scaling_the_data_scales_the_image(name):
    operator, _, y = scanner()
    settings = {} if name == "zero_filled" else {"tolerance": 1e-6, "max_iterations": 3000}
    one, many = METHODS[name](operator, y, **settings), METHODS[name](operator, 1e6 * y, **settings)
    assert relative(many.image - 1e6 * one.image, many.image) < 1e-5


@pytest.mark.parametrize("name", METHODS)
def test_batch_is_its_items(name):
    operator, _, y = scanner()
    batch = torch.stack([y, torch.zeros_like(y), 0.1j * y.flip(-1) * operator.mask])
    settings = {} if name == "zero_filled" else {"tolerance": 1e-6, "max_iterations": 5000}
    together = METHODS[name](operator, batch, **settings).image
    for item, data in zip(together, batch, strict=True):
        alone = METHODS[name](operator, data, **settings).image
        assert torch.linalg.vector_norm(item - alone) <= 1e-4 * torch.linalg.vector_norm(y)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_dtype_is_kept_and_nothing_is_recorded(name, dtype):
    operator, _, y = scanner(dtype=dtype)
    operator.smaps.requires_grad_()
    image = METHODS[name](operator, y).image
    assert image.dtype == dtype
    assert not image.requires_grad


@pytest.mark.parametrize("name", METHODS)
def test_the_same_numbers_again(name):
    operator, _, y = scanner()
    first, second = METHODS[name](operator, y), METHODS[name](operator, y)
    assert torch.equal(first.image, second.image)
    assert first.residuals == second.residuals


@pytest.mark.parametrize("name", ITERATIVE)
def test_callback_history_and_initial_guess(name):
    operator, _, y = scanner()
    seen = []
    result = METHODS[name](operator, y, callback=lambda i, image: seen.append((i, image.clone())))
    assert [i for i, _ in seen] == list(range(1, result.iterations + 1))
    assert torch.equal(seen[-1][1], result.image)
    assert len(result.residuals) == len(result.objective) == result.iterations
    assert result.error == result.residuals[-1] <= 1e-4
    warm = METHODS[name](operator, y, initial=result.image, tolerance=0, max_iterations=1)
    assert warm.objective[0] < result.objective[0]


@pytest.mark.parametrize("name", ITERATIVE)
def test_unfinished_work_is_told_once(name):
    operator, _, y = scanner()
    with pytest.warns(ConvergenceWarning, match="after 2 iterations") as caught:
        result = METHODS[name](operator, y, max_iterations=2, tolerance=1e-8)
    assert len(caught) == 1
    # It points at the caller's line, however deep the solver stands in the package and in torch.
    assert caught[0].filename == __file__
    assert not result.converged
    assert result.error > 1e-8
    ended = f"converged=False, iterations=2, error={result.error:.1e}"
    assert repr(result) == f"Reconstruction(image={tuple(result.image.shape)} complex128, {ended})"
    # A tolerance of zero asks for a number of iterations, and gets it in silence.
    assert METHODS[name](operator, y, max_iterations=2, tolerance=0).iterations == 2


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda y: y.index_fill(-1, torch.tensor([4]), math.nan), ValueError, "NaN or infinity"),
        (lambda y: y.index_fill(-1, torch.tensor([4]), math.inf), ValueError, "NaN or infinity"),
        (lambda y: y.real, TypeError, "must be complex"),
        (lambda y: y[..., 1:], ValueError, "range of shape"),
    ],
)
def test_bad_data(name, spoil, error, message):
    operator, _, y = scanner()
    with pytest.raises(error, match=message):
        METHODS[name](operator, spoil(y))


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_bad_weights(weight):
    operator, _, y = scanner()
    with pytest.raises(ValueError, match="regularisation must be a finite number of at least 0"):
        cg_sense(operator, y, regularisation=weight)
    for method in (l1_wavelet, total_variation):
        with pytest.raises(ValueError, match="weight must be a finite number of at least 0"):
            method(operator, y, weight=weight)


def test_bad_settings():
    operator, _, y = scanner()
    with pytest.raises(ValueError, match="spins must be a positive integer"):
        l1_wavelet(operator, y, weight=0.1, spins=0)
    with pytest.raises(ValueError, match="initial must match"):
        total_variation(operator, y, weight=0.1, initial=torch.zeros(3, 3, dtype=y.dtype))
    with pytest.raises(ValueError, match="max_iterations must be a positive integer"):
        cg_sense(operator, y, max_iterations=0)
    with pytest.raises(ValueError, match="operator on images"):
        total_variation(Matrix(randn((4, 3), seed=1)), randn((4,), seed=2), weight=0.1)
