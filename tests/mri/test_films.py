"""Operators on films: each frame is the operator of one image, and frames without data are nothing."""

import math

import pytest
import torch

from otrecon.mri import CartesianFilm, CartesianMRI, RadialFilm, RadialMRI, interleaved_spokes, radial_trajectory
from otrecon.mri.trajectories import select_spokes
from tests.laws import check_operator, randn, relative

IM_SIZE = (9, 12)
NUFFT_ERROR = 2e-5


def ktrajs():
    """Frames of 3 and of 2 spokes from one acquisition, and one without data."""
    full = radial_trajectory(8, 12)
    return [None if t == 1 else select_spokes(full, interleaved_spokes(8, 3, t), samples=12) for t in range(4)]


def masks():
    mask = torch.rand(4, *IM_SIZE, generator=torch.Generator().manual_seed(0)) < 0.4
    mask[2] = False
    return mask


def films(coils=2, **settings):
    smaps = None if coils is None else randn((coils, *IM_SIZE), seed=2)
    return {"radial": RadialFilm(ktrajs(), IM_SIZE, smaps, **settings), "cartesian": CartesianFilm(masks(), smaps)}


@pytest.mark.parametrize("name", ["radial", "cartesian"])
@pytest.mark.parametrize("coils", [None, 3])
def test_laws(name, coils):
    operator = films(coils)[name]
    gram_tolerance = NUFFT_ERROR if name == "radial" else 1e-10
    check_operator(operator, gram_tolerance=gram_tolerance)
    check_operator(operator, batch=(), gram_tolerance=gram_tolerance)
    check_operator(operator, batch=(2, 2), gram_tolerance=gram_tolerance)


def test_laws_without_toeplitz_and_in_single_precision():
    check_operator(films(toeplitz=False)["radial"])
    for operator in films().values():
        check_operator(operator, dtype=torch.complex64, tolerance=1e-5, gram_tolerance=NUFFT_ERROR)


@pytest.mark.parametrize("coils", [None, 3])
def test_each_frame_of_a_radial_film_is_radial_mri(coils):
    smaps = None if coils is None else randn((coils, *IM_SIZE), seed=2)
    operator = RadialFilm(ktrajs(), IM_SIZE, smaps)
    assert operator.samples == (36, 0, 24, 36)
    assert (operator.measured, operator.empty) == ((0, 2, 3), (1,))
    assert (operator.domain, operator.range) == ((4, *IM_SIZE), (coils or 1, 96))
    film = randn(operator.domain, seed=3)
    parts, back, gram = operator.split(operator(film)), operator.adjoint(operator(film)), operator.gram(film)
    assert torch.equal(operator.join(parts), operator(film))
    assert torch.equal(operator.join([None if t == 1 else part for t, part in enumerate(parts)]), operator(film))
    for t, ktraj in enumerate(ktrajs()):
        if ktraj is None:
            assert parts[t].shape == (coils or 1, 0)
            assert not back[t].any()
            assert not gram[t].any()
            continue
        alone = RadialMRI(ktraj, IM_SIZE, smaps)
        assert relative(parts[t] - alone(film[t]), parts[t]) < 1e-14
        assert relative(back[t] - alone.adjoint(alone(film[t])), back[t]) < 1e-14
        assert relative(gram[t] - alone.gram(film[t]), gram[t]) < 1e-14


def test_each_frame_of_a_cartesian_film_is_cartesian_mri():
    smaps = randn((3, *IM_SIZE), seed=2)
    operator = CartesianFilm(masks(), smaps)
    assert (operator.measured, operator.empty) == ((0, 1, 3), (2,))
    assert (operator.domain, operator.range) == ((4, *IM_SIZE), (4, 3, *IM_SIZE))
    film = randn(operator.domain, seed=3)
    for t in operator.measured:
        alone = CartesianMRI(masks()[t], smaps)
        assert relative(operator(film)[t] - alone(film[t]), film) < 1e-14
        assert relative(operator.gram(film)[t] - alone.gram(film[t]), film) < 1e-14
    assert not operator(film)[2].any()
    assert not operator.gram(film)[2].any()


def test_masks_of_lines_are_expanded():
    lines = torch.rand(3, IM_SIZE[0], 1, generator=torch.Generator().manual_seed(1)) < 0.5
    film = randn((3, *IM_SIZE), seed=3)
    whole = CartesianFilm(lines.expand(3, *IM_SIZE).contiguous())
    assert torch.equal(CartesianFilm(lines, im_size=IM_SIZE)(film), whole(film))
    smaps = torch.ones(1, *IM_SIZE, dtype=torch.complex128)
    assert torch.equal(CartesianFilm(lines, smaps)(film), whole(film))


def test_a_tensor_of_trajectories_is_a_list_of_them():
    tensor = torch.stack([radial_trajectory(3, 12, first_spoke=3 * t) for t in range(3)])
    film = randn((3, *IM_SIZE), seed=3)
    assert torch.equal(RadialFilm(tensor, IM_SIZE)(film), RadialFilm(list(tensor), IM_SIZE)(film))


def test_density_weighs_each_frame():
    generator = torch.Generator().manual_seed(1)
    dcomp = [None if k is None else torch.rand(k.shape[1], generator=generator) + 0.1 for k in ktrajs()]
    smaps = randn((2, *IM_SIZE), seed=2)
    operator = RadialFilm(ktrajs(), IM_SIZE, smaps, dcomp=dcomp)
    weighted, y = operator.density_weighted(), randn(operator.range, seed=4)
    check_operator(weighted, gram_tolerance=NUFFT_ERROR)
    check_operator(RadialFilm(ktrajs(), IM_SIZE, smaps, dcomp=dcomp, toeplitz=False).density_weighted())
    gridded, parts = operator.density_compensated_adjoint(y), operator.split(y)
    assert relative(weighted.adjoint(weighted.weigh(y)) - gridded, gridded) < 1e-6
    for t in operator.measured:
        alone = RadialMRI(ktrajs()[t], IM_SIZE, smaps, dcomp=dcomp[t])
        assert relative(gridded[t] - alone.density_compensated_adjoint(parts[t]), gridded[t]) < 1e-14
    with pytest.raises(ValueError, match="This RadialFilm has no density compensation: build it with dcomp="):
        films()["radial"].density_weighted()


def test_moves_to_another_precision():
    operator = films()["radial"].to(torch.float32)
    assert operator.ktraj.dtype == torch.float32
    film = randn(operator.domain, seed=3, dtype=torch.complex64)
    assert relative(operator.gram(film) - operator.adjoint(operator(film)), film) < 1e-4


@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        (radial_trajectory(3, 12), ValueError, r"got a tensor of shape \(2, 36\): for one image use RadialMRI"),
        ("golden", TypeError, "must be a list of trajectories, one a frame, got str"),
        ([None, None], ValueError, "No frame has data"),
        ([], ValueError, "No frame has data"),
        ([radial_trajectory(3, 12), torch.zeros(2, 0)], ValueError, "Frame 1: .* A frame without data is None"),
        ([None, radial_trajectory(3, 12) / (2 * math.pi)], ValueError, "Frame 1: .*cycles/voxel"),
        ([radial_trajectory(3, 12), 3], TypeError, "Frame 1: ktraj must be a torch tensor, got int"),
    ],
)
def test_rejects_bad_trajectories(frames, error, message):
    with pytest.raises(error, match=message):
        RadialFilm(frames, IM_SIZE)


@pytest.mark.parametrize(
    ("dcomp", "error", "message"),
    [
        ([None] * 3, ValueError, "each of the 4 frames, got 3"),
        ([torch.ones(36), torch.ones(36), torch.ones(24), torch.ones(36)], ValueError, "frame 1 must have None"),
        ([torch.ones(36), None, torch.ones(36), torch.ones(36)], ValueError, r"frame 2 must have shape \(24,\)"),
        ([torch.ones(36), None, None, torch.ones(36)], ValueError, r"frame 2 must have shape \(24,\), got None"),
        ([torch.ones(36), None, -torch.ones(24), torch.ones(36)], ValueError, "non-negative"),
        ([torch.ones(36), None, 1.0, torch.ones(36)], TypeError, "dcomp of frame 2 must be a tensor, got float"),
    ],
)
def test_rejects_bad_density(dcomp, error, message):
    with pytest.raises(error, match=message):
        RadialFilm(ktrajs(), IM_SIZE, dcomp=dcomp)


def test_rejects_bad_data_and_masks():
    radial, cartesian = films().values()
    with pytest.raises(ValueError, match=r"RadialFilm expects a range of shape \(\.\.\., 2, 96\), got \(2, 95\)"):
        radial.split(randn((2, 95), seed=1))
    with pytest.raises(ValueError, match="Frame 2 has 24 samples in its trajectory and 0 in its data"):
        radial.join([randn((2, 36), seed=1), None, None, randn((2, 36), seed=1)])
    with pytest.raises(ValueError, match="the data of 4 frames, got 1"):
        radial.join([None])
    with pytest.raises(TypeError, match="kdata of frame 0 must be complex"):
        radial.join([torch.ones(2, 36), None, None, None])
    parts = [randn((2, 36), seed=1), None, randn((2, 24), seed=1), randn((2, 36), seed=1)]
    with pytest.raises(ValueError, match=r"frame 2 must be \(\.\.\., coil, samples\) with 2 coils.*shape \(3, 24\)"):
        radial.join([*parts[:2], randn((3, 24), seed=1), parts[3]])
    with pytest.raises(ValueError, match=r"same leading axes, got \(2, 36\), \(5, 2, 24\), \(2, 36\)"):
        radial.join([*parts[:2], randn((5, 2, 24), seed=1), parts[3]])
    for operator in (radial, cartesian):
        with pytest.raises(ValueError, match=r"expects a domain of shape \(\.\.\., 4, 9, 12\)"):
            operator(randn(IM_SIZE, seed=1))
        with pytest.raises(TypeError, match="must be complex"):
            operator(torch.ones(operator.domain))
    with pytest.raises(ValueError, match=r"must be \(t, y, x\).*for one image use CartesianMRI"):
        CartesianFilm(masks()[0])
    with pytest.raises(TypeError, match="must be a torch tensor, got list"):
        CartesianFilm(list(masks()))
    with pytest.raises(ValueError, match="no frame would be measured"):
        CartesianFilm(torch.zeros(3, *IM_SIZE, dtype=torch.bool))
    with pytest.raises(TypeError, match="mask must be boolean"):
        CartesianFilm(masks().float())
    with pytest.raises(ValueError, match="does not fit an image of size"):
        CartesianFilm(masks(), im_size=(9, 13))
