"""The real files, through the loaders: shapes, types, and what is known about their content."""

import numpy as np
import pytest
import torch

from otrecon import data

pytestmark = pytest.mark.realdata


def image_of(kspace):
    """Centred orthonormal inverse FFT, by NumPy, written out."""
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho"), axes)


def rss(kspace):
    return np.sqrt((np.abs(image_of(kspace)) ** 2).sum(0))


def centroid(image):
    y, x = np.indices(image.shape)
    energy = image**2 / (image**2).sum()
    return (y * energy).sum(), (x * energy).sum()


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.fixture
def brain(real):
    return data.load_npy(data.fetch("brain-poisson", "sigpy_cartesian_ksp.npy"), ndim=3, kind="complex").numpy()


@pytest.fixture
def workshop(real):
    files = data.fetch("brain-poisson")
    ksp = data.load_cfl(files.path("ksp.cfl"), squeeze=True).data.numpy()
    img = data.load_cfl(files.path("img.cfl"), squeeze=True).data.numpy()
    return ksp, img


def test_brain_is_what_the_registry_says(brain):
    assert brain.shape == (8, 230, 180)
    assert brain.dtype == np.complex64
    sampled = brain != 0
    assert (sampled == sampled[0]).all()  # one mask for all coils
    assert round(100 * sampled[0].mean(), 1) == 12.4


@pytest.mark.parametrize("which", ["brain", "workshop"])
def test_k_space_is_centred(request, which):
    kspace = request.getfixturevalue(which)
    kspace = kspace if which == "brain" else kspace[0]
    energy = np.abs(kspace).sum(0)
    peak = np.unravel_index(energy.argmax(), energy.shape)
    assert np.abs(np.subtract(peak, (115, 90))).max() <= 1  # the object's phase may move the peak by a sample
    # The fully sampled calibration block is the largest all-sampled square about n//2.
    mask = energy > 0
    assert mask[115 - 10 : 115 + 10, 90 - 10 : 90 + 10].all()
    assert not mask[115 - 13 : 115 + 13, 90 - 13 : 90 + 13].all()


def test_brain_image_is_a_head_in_the_middle(brain):
    image = rss(brain)
    y, x = centroid(image)
    assert abs(y - 115) < 25
    assert abs(x - 90) < 10
    # A head: bright inside an ellipse, dark in the corners; without the shifts it would lie in the corners.
    middle = image[75:145, 60:120].mean()
    corners = np.concatenate([image[:25, :20], image[:25, -20:], image[-25:, :20], image[-25:, -20:]]).mean()
    assert middle > 4 * corners


def test_workshop_slice_and_its_reference(workshop):
    ksp, img = workshop
    assert ksp.shape == (8, 230, 180)
    assert img.shape == (2, 230, 180)
    assert round(100 * (ksp[0] != 0).mean(), 2) == 12.66
    assert 1e13 < np.abs(ksp).max() < 1e14
    assert np.abs(img[0]).max() > 2 * np.abs(img[1]).max()


def test_zero_filled_image_lies_on_the_reference(workshop):
    """Orientation and centring at once: any flip or shift of the axes lowers the correlation."""
    ksp, img = workshop
    image, reference = rss(ksp / np.abs(ksp).max()), np.abs(img[0])
    best = correlation(image, reference)
    assert best > 0.95
    for y, x in ((-1, 1), (1, -1), (-1, -1)):
        assert correlation(image, reference[::y, ::x]) < 0.9
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert correlation(np.roll(image, shift, axis=(0, 1)), reference) < best


def test_bart_headers(real):
    ksp = data.load_cfl(data.fetch("brain-poisson", "ksp.hdr"))
    assert ksp.dims == (1, 180, 230, 8, *[1] * 12)
    assert ksp.data.shape == (8, 230, 180, 1)
    assert ksp.sections["Command"] == "fmac ksp2 mask ksp"
    assert data.load_cfl(data.fetch("brain-poisson", "img.hdr")).data.shape == (2, 1, 230, 180, 1)


def test_saving_gives_the_same_bytes(real, tmp_path):
    theirs = data.fetch("brain-poisson", "ksp.cfl")
    data.save_cfl(tmp_path / "ours", data.load_cfl(theirs).data)
    assert (tmp_path / "ours.cfl").read_bytes() == theirs.read_bytes()


def test_rat_cine(real):
    movie = data.load_rat_cine(data.fetch("rat-cine", "dataCine8fr.mat"))
    assert movie.shape == (8, 192, 192)
    assert movie.dtype == torch.float64
    assert (movie >= 0).all()
    mass = movie.sum(dim=(1, 2))
    assert round(float(100 * (mass.max() / mass.min() - 1))) == 23
    # Neighbours in the cycle, the last and the first too, are more alike than opposite phases.
    apart = lambda step: float((movie - movie.roll(step, 0)).abs().mean())  # noqa: E731
    assert apart(1) < apart(4)


def test_t1t2(real):
    pair = data.load_t1t2(data.fetch("t1t2-patient-a", "data_patientA.mat"))
    for image in (pair.t1, pair.t2):
        assert image.shape == (256, 256)
        assert image.dtype == torch.float64
        assert np.abs(np.subtract(centroid(image.numpy()), 128)).max() < 30
    assert not torch.equal(pair.t1, pair.t2)


@pytest.mark.parametrize(("file", "frames"), [("MSC_01ST_cell7.wkt", 48), ("U373_01ST_cell5.wkt", 115)])
def test_contours(real, file, frames):
    path = data.fetch("cell-contours", file)
    got = data.load_contours(path)
    assert got.times.tolist() == list(range(frames))
    assert len(path.read_text().splitlines()) == frames + 1  # the repeated first outline is gone
    areas = []
    for points in got.outlines:
        y, x = points.T
        areas.append(float(0.5 * (x * y.roll(-1) - y * x.roll(-1)).sum()))
    assert min(map(abs, areas)) > 100
    assert len(set(np.sign(areas))) == 1  # all run the same way round
    assert min(float(points.min()) for points in got.outlines) >= 0


@pytest.mark.parametrize(
    ("file", "shape", "spacing"),
    [
        ("sample_ovule.h5", (32, 128, 128), (0.235, 0.15, 0.15)),
        ("1135_mini.h5", (100, 100, 100), (0.284, 0.127, 0.127)),
    ],
)
def test_cells3d(real, file, shape, spacing):
    got = data.load_cells3d(data.fetch("cells3d", file))
    assert got.raw.shape == got.label.shape == shape
    assert got.spacing_um == pytest.approx(spacing, abs=5e-4)
    assert len(got.label.unique()) > 10
