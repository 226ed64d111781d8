import numpy as np
import pytest
import torch

from otrecon.data import DataError, load_cfl, save_cfl


def write_pair(folder, column_major, name="scan", dims=None):
    """Write the pair byte by byte, the way BART does: first index fastest, real and imaginary part in turn."""
    dims = dims or [*column_major.shape, *[1] * (16 - column_major.ndim)]
    (folder / f"{name}.hdr").write_text(
        "# Dimensions\n" + " ".join(map(str, dims)) + " \n# Command\nfft 3 in out \n# Creator\nBART v0.3.01\n"
    )
    with (folder / f"{name}.cfl").open("wb") as opened:
        for value in column_major.flatten(order="F"):
            opened.write(np.array([value.real, value.imag], "<f4").tobytes())
    return folder / name


@pytest.fixture
def bart():
    """(read, phase 1, phase 2, coil) = (1, 3, 4, 2), each value tells its own indices."""
    r, p, q, c = np.indices((1, 3, 4, 2))
    return (p + 10 * q + 1j * (c + 1) + r).astype(np.complex64)


def test_axes_are_reversed(tmp_path, bart):
    got = load_cfl(write_pair(tmp_path, bart))
    assert got.data.shape == (2, 4, 3, 1)
    assert got.data.dtype == torch.complex64
    assert got.dims == (1, 3, 4, 2, *[1] * 12)
    for coil in range(2):
        for y in range(4):
            for x in range(3):
                assert got.data[coil, y, x, 0].item() == bart[0, x, y, coil].item()


def test_header_sections(tmp_path, bart):
    assert dict(load_cfl(write_pair(tmp_path, bart)).sections) == {"Command": "fft 3 in out", "Creator": "BART v0.3.01"}


def test_squeeze(tmp_path, bart):
    got = load_cfl(write_pair(tmp_path, bart), squeeze=True)
    assert got.data.shape == (2, 4, 3)


@pytest.mark.parametrize("name", ["scan", "scan.cfl", "scan.hdr"])
def test_any_of_the_names(tmp_path, bart, name):
    write_pair(tmp_path, bart)
    assert load_cfl(tmp_path / name).data.shape == (2, 4, 3, 1)


def test_name_with_a_dot(tmp_path, bart):
    write_pair(tmp_path, bart, name="scan.v2")
    assert load_cfl(tmp_path / "scan.v2.cfl").data.shape == (2, 4, 3, 1)


def test_one_number(tmp_path):
    write_pair(tmp_path, np.full((1,), 2 - 1j, np.complex64))
    torch.testing.assert_close(load_cfl(tmp_path / "scan").data, torch.tensor([2 - 1j], dtype=torch.complex64))


def test_written_bytes_are_barts(tmp_path, bart):
    (tmp_path / "theirs").mkdir()
    theirs = write_pair(tmp_path / "theirs", bart)
    save_cfl(tmp_path / "ours", torch.from_numpy(bart.T.copy()))
    assert (tmp_path / "ours.cfl").read_bytes() == theirs.with_suffix(".cfl").read_bytes()
    assert (tmp_path / "ours.hdr").read_text().splitlines()[:2] == theirs.with_suffix(".hdr").read_text().splitlines()[
        :2
    ]


def test_round_trip_of_awkward_tensors(tmp_path):
    generator = torch.Generator().manual_seed(3)
    data = torch.randn(3, 5, 4, dtype=torch.complex64, generator=generator)
    for each in (data, data.transpose(0, 2), data.conj(), data.clone().requires_grad_()):
        save_cfl(tmp_path / "pair", each, sections={"Command": "made here"})
        got = load_cfl(tmp_path / "pair.hdr")
        assert torch.equal(got.data, each.detach().resolve_conj())
        assert dict(got.sections) == {"Command": "made here"}


@pytest.mark.parametrize("change", [-1, -8, 8])
def test_truncated_or_too_long(tmp_path, bart, change):
    path = write_pair(tmp_path, bart).with_suffix(".cfl")
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + bytes(change))
    with pytest.raises(DataError, match=rf"has {192 + change} bytes; dimensions 1 3 4 2 .* need 192"):
        load_cfl(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "empty"),
        ("# Command\nfft\n", "section '# Dimensions'.*got 'none'"),
        ("# Dimensions\n\n", "got 'none'"),
        ("# Dimensions\n1 3 x 2\n", "got '1 3 x 2'"),
        ("# Dimensions\n1 3 0 2\n", "got '1 3 0 2'"),
        ("# Dimensions\n1 3 -4 2\n", "got '1 3 -4 2'"),
        ("# Dimensions\n1 3 5 2\n", "dimensions 1 3 5 2 of complex64 need 240"),
    ],
)
def test_bad_header(tmp_path, bart, header, message):
    write_pair(tmp_path, bart)
    (tmp_path / "scan.hdr").write_text(header)
    with pytest.raises(DataError, match=message):
        load_cfl(tmp_path / "scan")


def test_header_that_is_not_text(tmp_path, bart):
    write_pair(tmp_path, bart)
    (tmp_path / "scan.hdr").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match="is not text"):
        load_cfl(tmp_path / "scan")


@pytest.mark.parametrize("value", [complex("nan"), complex(0, float("inf"))])
def test_nan_and_infinity(tmp_path, bart, value):
    bart[0, 1, 2, 1] = value
    with pytest.raises(DataError, match="holds 1 NaN or infinite values of 24"):
        load_cfl(write_pair(tmp_path, bart))
    with pytest.raises(DataError, match="holds 1 NaN"):
        save_cfl(tmp_path / "out", torch.from_numpy(bart))
    assert not (tmp_path / "out.cfl").exists()


def test_missing_parts(tmp_path, bart):
    path = write_pair(tmp_path, bart)
    path.with_suffix(".hdr").unlink()
    with pytest.raises(DataError, match=r"there is no file .*scan.hdr"):
        load_cfl(path)
    with pytest.raises(DataError, match=r"there is no file .*other.npy.cfl"):
        load_cfl(tmp_path / "other.npy")
    (tmp_path / "folder.cfl").mkdir()
    with pytest.raises(DataError, match="not a file but a folder"):
        load_cfl(tmp_path / "folder")


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(TypeError, match=r"got torch.complex128: convert with data.to\(torch.complex64\)"):
        save_cfl(tmp_path / "a", torch.zeros(2, dtype=torch.complex128))
    with pytest.raises(TypeError, match="got ndarray"):
        save_cfl(tmp_path / "a", np.zeros(2, np.complex64))
    for shape in ((), (2, 0), (1,) * 17):
        with pytest.raises(DataError, match="1 to 16 axes"):
            save_cfl(tmp_path / "a", torch.zeros(shape, dtype=torch.complex64))
