import math

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from otrecon.data import DataError, load_radial_cine, radial_cine_trajectory, save_radial_cine

FRAMES, READOUT, SPOKES, COILS = 4, 32, 7, 3
FULL, PARTIAL = (8, 23), (11, 23)  # as 208..623 and 296..623 of 832


def cine(first=FULL[0], last=FULL[1], dtype=np.float32):
    """(slice, frame, readout, spoke, coil, re/im), zero outside first..last."""
    rng = np.random.default_rng(4)
    data = np.zeros((1, FRAMES, READOUT, SPOKES, COILS, 2), dtype)
    data[:, :, first : last + 1] = rng.standard_normal((1, FRAMES, last - first + 1, SPOKES, COILS, 2))
    return data


def write_v5(folder, **variables):
    scipy.io.savemat(folder / "P01.mat", variables, do_compression=True)
    return folder / "P01.mat"


def write_v73(folder, **variables):
    """As MATLAB does: a text header of 512 bytes, then HDF5 with the axes in reverse order."""
    path = folder / "P01.mat"
    with h5py.File(path, "w", userblock_size=512) as opened:
        for name, value in variables.items():
            opened[name] = np.ascontiguousarray(value.T)
            opened[name].attrs["MATLAB_class"] = np.bytes_("single")
    with path.open("r+b") as opened:
        opened.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


WRITERS = pytest.mark.parametrize("write", [write_v5, write_v73])


@WRITERS
@pytest.mark.parametrize("acquired", [FULL, PARTIAL])
def test_values_axes_and_padding(tmp_path, write, acquired):
    data = cine(*acquired)
    got = load_radial_cine(write(tmp_path, data=data))
    assert got.kdata.shape == (FRAMES, COILS, SPOKES, acquired[1] - acquired[0] + 1)
    assert got.kdata.dtype == torch.complex64
    assert got.acquired == acquired
    assert got.center == READOUT // 2 - acquired[0]
    assert got.grid_size == (16, 16)
    assert got.im_size == (8, 8)
    assert got.frames == (0, 1, 2, 3)
    for frame, coil, spoke, sample in ((0, 0, 0, 0), (3, 2, 6, 12), (1, 2, 0, 7)):
        re, im = data[0, frame, acquired[0] + sample, spoke, coil]
        assert got.kdata[frame, coil, spoke, sample].item() == complex(re, im)


@WRITERS
@pytest.mark.parametrize("frames", [2, -2, [2], [3, 0], range(1, 3)])
def test_some_frames(tmp_path, write, frames):
    path = write(tmp_path, data=cine())
    everything = load_radial_cine(path).kdata
    got = load_radial_cine(path, frames)
    index = [2] if isinstance(frames, int) else list(frames)
    assert torch.equal(got.kdata, everything[index])
    assert got.frames == tuple(index)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_stored_types(tmp_path, dtype):
    data = (100 * cine()).astype(dtype)
    data[0, :, FULL[0], 0, 0, 0] = 1  # rounding must not empty the edge
    got = load_radial_cine(write_v5(tmp_path, data=data))
    assert got.kdata[1, 2, 3, 4].item() == complex(*data[0, 1, FULL[0] + 4, 3, 2].astype(np.float32))


def test_trajectory_spoke_by_spoke(tmp_path):
    got = load_radial_cine(write_v5(tmp_path, data=cine(*PARTIAL)))
    count = PARTIAL[1] - PARTIAL[0] + 1
    ktraj = got.ktraj.reshape(2, SPOKES, count)
    for spoke in range(SPOKES):
        for sample in range(count):
            radius = 2 * math.pi * (PARTIAL[0] + sample - 16) / 16
            angle = math.pi * spoke / SPOKES
            assert ktraj[0, spoke, sample].item() == pytest.approx(radius * math.sin(angle), abs=1e-6)
            assert ktraj[1, spoke, sample].item() == pytest.approx(radius * math.cos(angle), abs=1e-6)
    assert (ktraj[:, :, got.center] == 0).all()
    assert got.ktraj.abs().max() <= math.pi


def test_published_sizes():
    ktraj, angles = radial_cine_trajectory(196, 208, 623, center=416, grid=416)
    assert ktraj.shape == (2, 196 * 416)
    assert ktraj.abs().max().item() == pytest.approx(math.pi)
    assert angles[1].item() == pytest.approx(math.pi / 196)
    asymmetric, _ = radial_cine_trajectory(196, 296, 623, center=416, grid=416)
    torch.testing.assert_close(asymmetric.reshape(2, 196, 328), ktraj.reshape(2, 196, 416)[..., 88:])


def test_a_blob_comes_back_where_it_was(tmp_path):
    """Simulate a Gaussian off the centre from its Fourier transform; an exact adjoint must put it back there."""
    readout, spokes, grid, y0, x0 = 64, 50, 32, 3.0, -6.0
    data = np.zeros((1, 1, readout, spokes, 1, 2), np.float32)
    for spoke in range(spokes):
        angle = math.pi * spoke / spokes
        k = 2 * math.pi * (np.arange(16, 48) - 32) / grid
        signal = np.exp(-2 * k**2 - 1j * k * (math.sin(angle) * y0 + math.cos(angle) * x0))
        data[0, 0, 16:48, spoke, 0] = np.stack((signal.real, signal.imag), -1)
    got = load_radial_cine(write_v73(tmp_path, data=data))
    assert got.echo_peak == got.center == 16
    ky, kx = got.ktraj.double()
    samples = got.kdata[0, 0].flatten().to(torch.complex128) * torch.hypot(ky, kx)
    y = torch.arange(grid, dtype=torch.float64) - grid // 2
    image = torch.einsum("k,yk,xk->yx", samples, torch.exp(1j * y[:, None] * ky), torch.exp(1j * y[:, None] * kx))
    assert divmod(int(image.abs().argmax()), grid) == (grid // 2 + 3, grid // 2 - 6)


def test_center_can_be_moved(tmp_path):
    path = write_v5(tmp_path, data=cine())
    got = load_radial_cine(path, center=17)
    assert got.center == 9
    assert (got.ktraj.reshape(2, SPOKES, -1)[:, :, 9] == 0).all()
    with pytest.raises(DataError, match=r"center=5 lies outside the stored samples 8..23"):
        load_radial_cine(path, center=5)


def test_one_zero_sample_is_no_padding(tmp_path):
    data = cine()
    data[:, 0, FULL[0]] = 0
    data[:, :, 15] = 0
    assert load_radial_cine(write_v5(tmp_path, data=data)).acquired == FULL


@WRITERS
@pytest.mark.parametrize("frames", [4, -5, [0, 4], []])
def test_no_such_frame(tmp_path, write, frames):
    with pytest.raises(IndexError, match="has 4 frames, 0 to 3"):
        load_radial_cine(write(tmp_path, data=cine()), frames)


@WRITERS
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (cine()[0], r"has shape \(4, 32, 7, 3, 2\)"),
        (cine()[..., :1], r"is allowed. Choose a patient's file"),
        (cine()[:, :, :30], r"has shape \(1, 4, 30, 7, 3, 2\)"),
        (cine(7, 23), r"filled from sample 7 to 23 of 32; only 8 to 23"),
        (cine(8, 24), r"filled from sample 8 to 24"),
        (0 * cine(), "is zero in every frame"),
        (cine() * np.float32("nan"), "data holds [0-9]+ NaN"),
    ],
)
def test_what_is_refused(tmp_path, write, data, message):
    with pytest.raises(DataError, match=message):
        load_radial_cine(write(tmp_path, data=data))


def test_complex_numbers_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"type complex64.*real numbers"):
        load_radial_cine(write_v5(tmp_path, data=cine().astype(np.complex64)))


@WRITERS
def test_missing_variable(tmp_path, write):
    with pytest.raises(DataError, match="no variable 'data'; it has kspace, other"):
        load_radial_cine(write(tmp_path, kspace=cine(), other=np.ones((1, 1))))


@WRITERS
@pytest.mark.parametrize("kept", [0, 40, 127, 200, 5000])
def test_truncated(tmp_path, write, kept):
    path = write(tmp_path, data=cine())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"truncated|is empty"):
        load_radial_cine(path)


def test_another_format_missing_folder_and_ending(tmp_path):
    path = tmp_path / "page.mat"
    path.write_text("<html>please log in</html>" * 40)
    with pytest.raises(DataError, match="cannot be read"):
        load_radial_cine(path)
    with pytest.raises(DataError, match="there is no file"):
        load_radial_cine(tmp_path / "P99.mat")
    (tmp_path / "folder.mat").mkdir()
    with pytest.raises(DataError, match="not a file but a folder"):
        load_radial_cine(tmp_path / "folder.mat")
    with pytest.raises(DataError, match=r"ends in .npy; a name that ends in .mat"):
        load_radial_cine(path.rename(tmp_path / "page.npy"))


def test_what_is_written_is_read_back_and_is_as_published(tmp_path):
    generator = torch.Generator().manual_seed(2)
    kdata = torch.randn(FRAMES, COILS, SPOKES, READOUT // 2, dtype=torch.complex64, generator=generator)
    path = save_radial_cine(tmp_path / "P01.mat", kdata)
    got = load_radial_cine(path)
    assert torch.equal(got.kdata, kdata)
    again = save_radial_cine(tmp_path / "P02.mat", kdata.numpy())
    assert torch.equal(load_radial_cine(again).kdata, kdata)
    assert (got.center, got.acquired, got.im_size) == (READOUT // 4, FULL, (READOUT // 4, READOUT // 4))
    stored = scipy.io.loadmat(path)["data"]
    assert stored.shape == (1, FRAMES, READOUT, SPOKES, COILS, 2)
    assert stored.dtype == np.float32
    assert stored[0, 1, 9, 2, 0, 1] == kdata[1, 0, 2, 1].imag.item()


@pytest.mark.parametrize(
    ("name", "kdata", "message"),
    [
        ("P01.h5", torch.ones(1, 1, 1, 2) + 0j, "must be named .mat"),
        ("P01.mat", torch.ones(1, 1, 1, 3) + 0j, "an even readout"),
        ("P01.mat", torch.ones(1, 1, 1, 2), "must be complex"),
        ("P01.mat", torch.full((1, 1, 1, 2), torch.nan) + 0j, "NaN or infinity"),
        ("P01.mat", torch.nn.functional.pad(torch.ones(1, 1, 1, 4) + 0j, (2, 2)), r"kdata\[..., 2:-2\]"),
    ],
)
def test_what_no_reader_takes_is_not_written(tmp_path, name, kdata, message):
    with pytest.raises(ValueError, match=message):
        save_radial_cine(tmp_path / name, kdata)
    assert not list(tmp_path.iterdir())
