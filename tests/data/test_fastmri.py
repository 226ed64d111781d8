import h5py
import numpy as np
import pytest
import torch

from otrecon.data import DataError, load_fastmri

HEADER = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <experimentalConditions><H1resonanceFrequency_Hz>123251815</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace><matrixSize><x>16</x><y>14</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>280</x><y>140.5</y><z>4.5</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>8</x><y>6</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>140</x><y>140</y><z>4.5</z></fieldOfView_mm></reconSpace>
    <trajectory>cartesian</trajectory>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>9</maximum><center>5</center></kspace_encoding_step_1>
    </encodingLimits>
  </encoding>
</ismrmrdHeader>"""


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    kspace = (rng.standard_normal((3, 2, 16, 14)) + 1j * rng.standard_normal((3, 2, 16, 14))).astype(np.complex64)
    kspace[..., :2] = kspace[..., 12:] = 0  # the empty phase lines at the edges of a knee
    return {
        "kspace": kspace,
        "reconstruction_rss": rng.random((3, 8, 6), dtype=np.float32),
        "ismrmrd_header": HEADER,
    }


def write(folder, arrays, **attributes):
    with h5py.File(folder / "file1000001.h5", "w") as opened:
        for name, value in arrays.items():
            opened[name] = value
        opened.attrs.update(attributes)
    return folder / "file1000001.h5"


def test_a_training_file(tmp_path, arrays):
    path = write(tmp_path, arrays, acquisition="AXT2", max=0.25, norm=3.0, patient_id="abc")
    got = load_fastmri(path)
    np.testing.assert_array_equal(got.kdata.numpy(), arrays["kspace"])
    assert got.kdata.dtype == torch.complex64
    np.testing.assert_array_equal(got.reconstruction_rss.numpy(), arrays["reconstruction_rss"])
    assert got.reconstruction_esc is None
    assert got.mask is None
    assert got.sampled.tolist() == [False] * 2 + [True] * 10 + [False] * 2
    assert got.acquisition == "AXT2"
    assert got.attributes["max"] == 0.25
    assert got.slices == (0, 1, 2)


def test_header(tmp_path, arrays):
    got = load_fastmri(write(tmp_path, arrays))
    assert got.encoding.encoded_size == (1, 14, 16)
    assert got.encoding.encoded_fov_mm == (4.5, 140.5, 280.0)
    assert got.encoding.trajectory == "cartesian"
    assert got.recon_size == (8, 6)
    assert got.padding == (2, 12)
    # The header's padding is where the data are empty.
    inside = torch.zeros(14, dtype=torch.bool)
    inside[slice(*got.padding)] = True
    assert torch.equal(got.sampled, inside)


@pytest.mark.parametrize("header", [HEADER.encode(), np.bytes_(HEADER), np.array([HEADER.encode()], dtype="S4000")])
def test_header_in_every_string_type(tmp_path, arrays, header):
    assert load_fastmri(write(tmp_path, {**arrays, "ismrmrd_header": header})).recon_size == (8, 6)


def test_one_slice_loses_the_axis(tmp_path, arrays):
    got = load_fastmri(write(tmp_path, arrays), slice=-1)
    np.testing.assert_array_equal(got.kdata.numpy(), arrays["kspace"][2])
    np.testing.assert_array_equal(got.reconstruction_rss.numpy(), arrays["reconstruction_rss"][2])
    assert got.slices == (2,)


def test_a_range_of_slices(tmp_path, arrays):
    got = load_fastmri(write(tmp_path, arrays), slice=range(1, 3))
    np.testing.assert_array_equal(got.kdata.numpy(), arrays["kspace"][1:])
    assert got.slices == (1, 2)


def test_single_coil(tmp_path, arrays):
    single = {"kspace": arrays["kspace"][:, 0], "reconstruction_esc": arrays["reconstruction_rss"]}
    got = load_fastmri(write(tmp_path, single))
    assert got.kdata.shape == (3, 1, 16, 14)
    assert got.reconstruction_esc.shape == (3, 8, 6)
    assert got.encoding is None
    assert got.padding is None
    assert got.recon_size is None
    assert load_fastmri(tmp_path / "file1000001.h5", slice=0).kdata.shape == (1, 16, 14)


def test_a_test_file_without_attributes(tmp_path, arrays):
    mask = np.zeros(14, np.uint8)
    mask[[2, 6, 7, 8, 11]] = 1
    test = {"kspace": arrays["kspace"] * mask, "mask": mask}
    got = load_fastmri(write(tmp_path, test))
    assert got.mask.dtype == torch.bool
    assert torch.equal(got.mask, got.sampled)
    assert got.acquisition == ""
    assert dict(got.attributes) == {}


@pytest.mark.parametrize("index", [3, -4, range(4), range(0)])
def test_no_such_slice(tmp_path, arrays, index):
    with pytest.raises(IndexError, match="has 3 slices, 0 to 2"):
        load_fastmri(write(tmp_path, arrays), slice=index)


@pytest.mark.parametrize("index", [1.0, "1", True])
def test_slice_of_another_type(tmp_path, arrays, index):
    with pytest.raises(TypeError, match="slice must be an int, a range or None"):
        load_fastmri(write(tmp_path, arrays), slice=index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kspace": None}, "no dataset 'kspace'; it has ismrmrd_header, reconstruction_rss"),
        ({"kspace": np.ones((3, 16, 14), np.float32)}, "type float32; .* of complex numbers is allowed"),
        ({"kspace": np.ones((16, 14), np.complex64)}, r"shape \(16, 14\)"),
        ({"kspace": np.ones((0, 2, 16, 14), np.complex64)}, r"shape \(0, 2, 16, 14\)"),
        ({"kspace": np.full((3, 2, 16, 14), np.nan, np.complex64)}, "kspace holds 1344 NaN"),
        ({"reconstruction_rss": np.ones((2, 8, 6), np.float32)}, "with 3 slices, as kspace has"),
        ({"reconstruction_rss": np.full((3, 8, 6), np.nan, np.float32)}, "reconstruction_rss holds 144 NaN"),
        ({"mask": np.ones(13)}, "14 zeros and ones"),
        ({"mask": np.full(14, 0.5)}, "14 zeros and ones"),
        ({"ismrmrd_header": HEADER[:-30]}, "XML header cannot be read"),
        ({"ismrmrd_header": HEADER.replace("<x>16<", "<x>many<")}, "XML header cannot be read"),
        ({"ismrmrd_header": "<ismrmrdHeader/>"}, "no <encoding>"),
        ({"ismrmrd_header": np.array([b"a", b"b"])}, "holds 2 texts"),
        ({"ismrmrd_header": 3}, "XML header cannot be read"),
    ],
)
def test_what_is_refused(tmp_path, arrays, change, message):
    changed = {name: value for name, value in {**arrays, **change}.items() if value is not None}
    with pytest.raises(DataError, match=message):
        load_fastmri(write(tmp_path, changed))


@pytest.mark.parametrize("kept", [0, 4, 500, -200])
def test_truncated(tmp_path, arrays, kept):
    path = write(tmp_path, arrays)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"truncated|is empty"):
        load_fastmri(path)


def test_damaged_inside(tmp_path, arrays):
    with h5py.File(tmp_path / "a.h5", "w") as opened:
        opened.create_dataset("kspace", data=arrays["kspace"], chunks=(1, 2, 16, 14), fletcher32=True)
        where = opened["kspace"].id.get_chunk_info(1).byte_offset
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[where + 100] ^= 0xFF
    (tmp_path / "a.h5").write_bytes(content)
    assert load_fastmri(tmp_path / "a.h5", slice=0).kdata.shape == (2, 16, 14)
    with pytest.raises(DataError, match="not an intact HDF5 file"):
        load_fastmri(tmp_path / "a.h5", slice=1)


@pytest.mark.parametrize("table", [b"HEAP", b"TREE", b"SNOD", b"kspace"])
def test_damaged_tables(tmp_path, arrays, table):
    path = write(tmp_path, arrays)
    content = path.read_bytes()
    assert table in content
    path.write_bytes(content.replace(table, b"\xff" * len(table)))
    with pytest.raises(DataError, match=r"not an intact HDF5 file|has no dataset 'kspace'"):
        load_fastmri(path)


def test_missing_folder_and_ending(tmp_path, arrays):
    with pytest.raises(DataError, match="there is no file"):
        load_fastmri(tmp_path / "none.h5")
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(DataError, match="not a file but a folder"):
        load_fastmri(tmp_path / "folder.h5")
    moved = write(tmp_path, arrays).rename(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"ends in .npy; a name that ends in .h5 or .hdf5"):
        load_fastmri(moved)


def test_header_without_limits_and_attributes_in_bytes(tmp_path, arrays):
    start, stop = HEADER.index("<encodingLimits>"), HEADER.index("</encoding>")
    path = write(tmp_path, {**arrays, "ismrmrd_header": HEADER[:start] + HEADER[stop:]}, acquisition=np.bytes_("AXT1"))
    got = load_fastmri(path)
    assert got.padding is None
    assert got.recon_size == (8, 6)
    assert got.acquisition == "AXT1"
