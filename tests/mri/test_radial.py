import numpy as np
import pytest
import torch

from otrecon.fourier import fft2c
from otrecon.mri.cartesian import CartesianMRI
from otrecon.mri.multicoil import point_spread
from otrecon.mri.ndft import NDFT
from otrecon.mri.nufft import NUFFT, apply_toeplitz, toeplitz_kernel
from otrecon.mri.radial import RadialMRI
from otrecon.mri.trajectories import cartesian_trajectory, radial_trajectory
from otrecon.operators import Identity, Matrix
from tests.laws import check_operator, randn, relative

SIZES = [(10, 13), (15, 8), (9, 11)]
NUFFT_ERROR = 2e-5


def random_ktraj(samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(2, samples, generator=generator, dtype=torch.float64) - 1) * torch.pi


def test_ndft_equals_a_double_loop():
    im_size, ktraj, image = (3, 4), random_ktraj(5), randn((3, 4), seed=1)
    expected = np.zeros(5, dtype=complex)
    for s in range(5):
        for y in range(3):
            for x in range(4):
                phase = ktraj[0, s].item() * (y - 1) + ktraj[1, s].item() * (x - 2)
                expected[s] += image[y, x].item() * np.exp(-1j * phase) / np.sqrt(12)
    measured = NDFT(ktraj, im_size)(image)
    assert measured.shape == (1, 5)
    assert relative(measured[0] - torch.from_numpy(expected), measured) < 1e-14


@pytest.mark.parametrize("im_size", SIZES)
def test_ndft_laws_matrix_and_cartesian_grid(im_size):
    ktraj = random_ktraj(17)
    check_operator(NDFT(ktraj, im_size, randn((3, *im_size), seed=2)))
    single, image = NDFT(ktraj, im_size), randn(im_size, seed=3)
    dense = Matrix(single.matrix())
    assert relative(dense(image.flatten()) - single(image)[0], single(image)) < 1e-13
    grid = NDFT(cartesian_trajectory(im_size), im_size)
    assert relative(grid(image)[0] - fft2c(image).flatten(), image) < 1e-10


@pytest.mark.parametrize("im_size", SIZES)
@pytest.mark.parametrize("ktraj", [random_ktraj(101), radial_trajectory(7, 13, oversampling=2)], ids=["any", "radial"])
@pytest.mark.parametrize("coils", [None, 3])
def test_radial_equals_the_exact_transform(im_size, ktraj, coils):
    smaps = None if coils is None else randn((coils, *im_size), seed=2)
    exact, fast = NDFT(ktraj, im_size, smaps), RadialMRI(ktraj, im_size, smaps)
    x, y = randn((2, *im_size), seed=3), randn((2, *exact.range), seed=4)
    assert fast.range == exact.range == (coils or 1, ktraj.shape[1])
    assert relative(fast(x) - exact(x), exact(x)) < NUFFT_ERROR
    assert relative(fast.adjoint(y) - exact.adjoint(y), exact.adjoint(y)) < NUFFT_ERROR
    assert relative(fast.gram(x) - exact.gram(x), exact.gram(x)) < NUFFT_ERROR


@pytest.mark.parametrize("im_size", SIZES)
@pytest.mark.parametrize("toeplitz", [True, False])
@pytest.mark.parametrize("coils", [None, 3])
def test_radial_laws(im_size, toeplitz, coils):
    smaps = None if coils is None else randn((coils, *im_size), seed=2)
    operator = RadialMRI(radial_trajectory(5, 12), im_size, smaps, toeplitz=toeplitz)
    check_operator(operator, gram_tolerance=NUFFT_ERROR if toeplitz else 1e-10)


def test_laws_in_single_precision_and_without_batch():
    operator = RadialMRI(radial_trajectory(5, 12).float(), (10, 13), randn((3, 10, 13), seed=2))
    check_operator(operator, dtype=torch.complex64, tolerance=1e-5, gram_tolerance=NUFFT_ERROR)
    check_operator(operator, batch=(), gram_tolerance=NUFFT_ERROR)
    check_operator(operator, batch=(2, 2), gram_tolerance=NUFFT_ERROR)
    check_operator(NUFFT(radial_trajectory(5, 12), (10, 13)))


@pytest.mark.parametrize("im_size", SIZES)
def test_on_the_cartesian_grid_it_is_the_orthonormal_fft(im_size):
    smaps, image = randn((2, *im_size), seed=5), randn(im_size, seed=6)
    radial = RadialMRI(cartesian_trajectory(im_size), im_size, smaps)
    cartesian = CartesianMRI(torch.ones(im_size, dtype=torch.bool), smaps)
    expected = cartesian(image)
    assert relative(radial(image).reshape(expected.shape) - expected, expected) < NUFFT_ERROR
    assert relative(radial.gram(image) - cartesian.gram(image), cartesian.gram(image)) < NUFFT_ERROR


@pytest.mark.parametrize("weighted", [False, True])
def test_toeplitz_gram_is_self_adjoint_and_exact(weighted):
    im_size, ktraj = (9, 12), random_ktraj(60)
    weights = torch.rand(60, generator=torch.Generator().manual_seed(1), dtype=torch.float64) if weighted else None
    kernel = toeplitz_kernel(ktraj, im_size, weights)
    E = NDFT(ktraj, im_size).matrix()
    dense = E.mH @ ((1 if weights is None else weights[:, None]) * E)
    basis = torch.eye(108, dtype=torch.complex128).reshape(108, *im_size)
    columns = apply_toeplitz(kernel, basis).reshape(108, 108).T
    assert relative(columns - dense, dense) < NUFFT_ERROR
    assert relative(columns - columns.mH, columns) < 1e-14


def test_density_stays_out_of_the_algebra():
    im_size, ktraj, smaps = (9, 12), radial_trajectory(5, 12), randn((2, 9, 12), seed=2)
    dcomp = torch.rand(60, generator=torch.Generator().manual_seed(1)) + 0.1
    plain, operator = RadialMRI(ktraj, im_size, smaps), RadialMRI(ktraj, im_size, smaps, dcomp=dcomp)
    x, y = randn(im_size, seed=3), randn((2, 60), seed=4)
    assert torch.equal(operator(x), plain(x))
    assert torch.equal(operator.adjoint(y), plain.adjoint(y))
    assert torch.equal(operator.gram(x), plain.gram(x))

    weighted = operator.density_weighted()
    check_operator(weighted, gram_tolerance=NUFFT_ERROR)
    check_operator(RadialMRI(ktraj, im_size, smaps, dcomp=dcomp, toeplitz=False).density_weighted())
    gridded = operator.density_compensated_adjoint(y)
    assert torch.equal(weighted.weigh(y), dcomp.sqrt() * y)
    assert relative(weighted.adjoint(weighted.weigh(y)) - gridded, gridded) < 1e-6
    with pytest.raises(TypeError, match="kdata must be complex"):
        weighted.weigh(y.real)
    with pytest.raises(ValueError, match=r"\(\.\.\., 2, 60\), got \(2, 59\)"):
        weighted.weigh(y[:, 1:])
    exact = NDFT(ktraj, im_size, smaps)
    expected = exact.adjoint(dcomp * exact(x))
    assert relative(weighted.gram(x) - expected, expected) < NUFFT_ERROR


def test_point_spread_of_full_sampling_is_a_point():
    operator = RadialMRI(cartesian_trajectory((6, 9)), (6, 9))
    psf = point_spread(operator)
    assert psf.dtype == torch.complex64
    expected = torch.zeros(6, 9, dtype=torch.complex64)
    expected[3, 4] = 1
    torch.testing.assert_close(psf, expected, rtol=0, atol=5e-5)
    aliased = point_spread(CartesianMRI(torch.arange(8)[:, None] % 2 == 0, im_size=(8, 5)), dtype=torch.complex128)
    assert aliased[4, 2].real.item() == pytest.approx(0.5)
    assert aliased[0, 2].real.item() == pytest.approx(0.5)
    assert aliased.abs().sum().item() == pytest.approx(1)
    with pytest.raises(ValueError, match=r"images \(y, x\), got one on \(3,\)"):
        point_spread(Identity((3,)))


@pytest.mark.parametrize("model", [NDFT, RadialMRI])
def test_rejects_bad_input(model):
    ktraj = radial_trajectory(3, 8)
    operator = model(ktraj, (8, 9))
    with pytest.raises(TypeError, match="must be complex"):
        operator(torch.ones(8, 9))
    with pytest.raises(TypeError, match="must be complex"):
        operator.adjoint(torch.ones(1, 24))
    with pytest.raises(ValueError, match=r"range of shape \(\.\.\., 1, 24\)"):
        operator.adjoint(randn((1, 23), seed=1))
    with pytest.raises(ValueError, match="cycles/voxel"):
        model(ktraj / (2 * torch.pi), (8, 9))
    with pytest.raises(ValueError, match="two positive integers"):
        model(ktraj, (8,))
    if model is RadialMRI:
        with pytest.raises(ValueError, match=r"at least 3 pixels an axis, got \(2, 9\): use NDFT"):
            model(ktraj, (2, 9))
    with pytest.raises(ValueError, match="do not fit"):
        model(ktraj, (8, 9), randn((2, 9, 8), seed=1))


@pytest.mark.parametrize(
    ("dcomp", "error", "message"),
    [
        (torch.ones(24, dtype=torch.complex64), TypeError, "real floating"),
        (torch.ones(23), ValueError, r"shape \(24,\)"),
        (-torch.ones(24), ValueError, "non-negative"),
        (torch.full((24,), float("nan")), ValueError, "finite"),
        (torch.zeros(24), ValueError, "not all zero"),
    ],
)
def test_rejects_bad_density(dcomp, error, message):
    with pytest.raises(error, match=message):
        RadialMRI(radial_trajectory(3, 8), (8, 9), dcomp=dcomp)


def test_asks_for_density_where_it_is_needed():
    operator = RadialMRI(radial_trajectory(3, 8), (8, 9))
    with pytest.raises(ValueError, match="no density compensation"):
        operator.density_compensated_adjoint(randn((1, 24), seed=1))
    with pytest.raises(ValueError, match="no density compensation"):
        operator.density_weighted()
