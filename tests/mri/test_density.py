import math

import pytest
import torch

from otrecon.mri.density import pipe_density, radial_density
from otrecon.mri.ndft import NDFT
from otrecon.mri.radial import RadialMRI
from otrecon.mri.trajectories import cartesian_trajectory, radial_trajectory, spoke_angles
from tests.laws import relative

IM_SIZE = (24, 21)


def blob(im_size=IM_SIZE):
    y, x = (torch.arange(n, dtype=torch.float64) - n // 2 for n in im_size)
    return torch.exp(-((y[:, None] - 2) ** 2) / 18 - (x + 1) ** 2 / 10).to(torch.complex128)


def weights(method, ktraj, samples):
    if method == "ramp":
        return radial_density(ktraj, IM_SIZE, samples=samples)
    result = pipe_density(ktraj, IM_SIZE)
    assert result.converged
    return result.dcomp


@pytest.mark.parametrize("method", ["pipe", "ramp"])
@pytest.mark.parametrize("angles", ["golden", "uniform", "tiny-golden"])
def test_gridding_recovers_a_smooth_image_without_any_factor(method, angles):
    ktraj = radial_trajectory(44, 24, angles=angles, oversampling=2)
    exact, image = NDFT(ktraj, IM_SIZE), blob()
    gridded = exact.adjoint(weights(method, ktraj, 48) * exact(image))
    assert relative(gridded - image, image) < 0.02
    assert gridded.sum().real.item() == pytest.approx(image.sum().real.item(), rel=0.03)
    assert relative(exact.adjoint(exact(image)) - image, image) > 1, "without weights it must fail"


def test_gridding_by_the_operator():
    ktraj = radial_trajectory(44, 24, oversampling=2)
    operator = RadialMRI(ktraj, IM_SIZE, dcomp=weights("pipe", ktraj, 48))
    image = blob()
    assert relative(operator.density_compensated_adjoint(operator(image)) - image, image) < 0.01
    assert relative(operator.density_weighted().gram(image) - image, image) < 0.01


@pytest.mark.parametrize("angles", ["golden", "uniform"])
def test_ramp_covers_the_disc(angles):
    ktraj = radial_trajectory(50, 24, angles=angles, oversampling=2)
    area = radial_density(ktraj, IM_SIZE, samples=48).sum() * (2 * math.pi) ** 2 / math.prod(IM_SIZE)
    assert area.item() == pytest.approx(math.pi**3, rel=1e-3)


def test_ramp_shares_the_angle_of_repeated_and_opposite_spokes():
    angles = torch.tensor([0.0, 0.0, math.pi / 2, 3 * math.pi / 2], dtype=torch.float64)
    shares = radial_density(radial_trajectory(4, 8, angles=angles), IM_SIZE, samples=8).unflatten(0, (4, 8))
    torch.testing.assert_close(shares, shares[:1].expand(4, 8))
    alone = radial_density(radial_trajectory(1, 8), IM_SIZE, samples=8)
    torch.testing.assert_close(alone, 4 * shares[0])


def test_ramp_integrates_a_gaussian():
    # A rotationally symmetric Gaussian over the plane: the closed form tests the weight of the centre.
    samples, width = 48, 0.35
    ktraj = radial_trajectory(7, samples, angles="uniform")
    cell = (2 * math.pi) ** 2 / math.prod(IM_SIZE)
    dcomp = radial_density(ktraj, IM_SIZE, samples=samples)
    total = cell * (dcomp * torch.exp(-ktraj.square().sum(0) / (2 * width**2))).sum()
    assert total.item() == pytest.approx(2 * math.pi * width**2, rel=2e-3)


def test_pipe_on_the_cartesian_grid_is_one():
    result = pipe_density(cartesian_trajectory(IM_SIZE), IM_SIZE)
    assert result.converged
    torch.testing.assert_close(result.dcomp, torch.ones_like(result.dcomp), rtol=0, atol=1e-2)


def test_pipe_shares_a_cell_among_repeated_samples():
    grid = cartesian_trajectory(IM_SIZE)
    repeated = torch.cat([grid, grid[:, :100], grid[:, :100]], dim=1)
    dcomp = pipe_density(repeated, IM_SIZE).dcomp
    torch.testing.assert_close(dcomp[100 : grid.shape[1]], torch.ones(grid.shape[1] - 100).double(), rtol=0, atol=1e-2)
    torch.testing.assert_close(dcomp[:100], torch.full((100,), 1 / 3).double(), rtol=0, atol=1e-2)


def test_pipe_solves_its_fixed_point_equation():
    ktraj = radial_trajectory(12, 24, oversampling=2)
    result = pipe_density(ktraj, IM_SIZE, tolerance=1e-3, max_iterations=60)
    E = NDFT(ktraj, IM_SIZE).matrix()
    response = (E @ E.mH).abs().square() @ result.dcomp
    residual = ((result.dcomp * (response - 1).abs()).sum() / result.dcomp.sum()).item()
    assert result.converged
    assert residual == pytest.approx(result.residuals[-1], abs=5e-4)
    assert (result.dcomp > 0).all()
    assert result.dcomp.max() <= 1.001


def test_pipe_meets_its_default_tolerance_on_places_that_are_dense_but_irregular():
    places = torch.rand(2, 4 * 32 * 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    result = pipe_density(math.pi * (2 * places - 1), (32, 32))
    assert result.converged
    # k-space is shared out, a quarter of a cell each, but for the rim, where samples also answer for what lies beyond.
    assert 0.9 < float(result.dcomp.mean()) * 4 < 1


def test_pipe_reports_its_convergence():
    ktraj = radial_trajectory(44, 24, oversampling=2)
    short = pipe_density(ktraj, IM_SIZE, max_iterations=2, tolerance=1e-6)
    assert not short.converged
    assert short.iterations == 2
    assert len(short.residuals) == 3
    assert short.residuals[2] < short.residuals[1] < short.residuals[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pipe_density(radial_trajectory(4, 8), (8, 8), max_iterations=0), "must be positive"),
        (lambda: pipe_density(radial_trajectory(4, 8), (8, 8), tolerance=0.0), "must be positive"),
        (lambda: pipe_density(radial_trajectory(4, 8) / 7, (8, 8)), "cycles/voxel"),
        (lambda: radial_density(radial_trajectory(4, 8), (8, 8), samples=5), "does not divide.*after oversampling"),
        (
            lambda: radial_density(radial_trajectory(4, 8), (8, 8), samples=16),
            "does not consist of evenly spaced spokes",
        ),
        (
            lambda: radial_density(radial_trajectory(4, 8, oversampling=2), (8, 8), samples=8),
            "counts the points of a spoke after oversampling",
        ),
        (lambda: radial_density(cartesian_trajectory((8, 8)), (8, 8), samples=8), "use pipe_density"),
        (lambda: radial_density(spoke_angles(8), (8, 8), samples=8), r"\(2, samples\)"),
    ],
)
def test_rejects_bad_requests(call, message):
    with pytest.raises(ValueError, match=message):
        call()
