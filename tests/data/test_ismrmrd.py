import warnings

import h5py
import numpy as np
import pytest
import torch

from otrecon.data import DataError, load_ismrmrd, load_ismrmrd_readouts

COUNTERS = np.dtype(
    [
        *[(n, "<u2") for n in ("kspace_encode_step_1", "kspace_encode_step_2", "average", "slice", "contrast")],
        *[(n, "<u2") for n in ("phase", "repetition", "set", "segment")],
        ("user", "<u2", (8,)),
    ]
)
HEAD = np.dtype(
    [
        ("version", "<u2"),
        ("flags", "<u8"),
        *[(n, "<u4") for n in ("measurement_uid", "scan_counter", "acquisition_time_stamp")],
        ("physiology_time_stamp", "<u4", (3,)),
        *[(n, "<u2") for n in ("number_of_samples", "available_channels", "active_channels")],
        ("channel_mask", "<u8", (16,)),
        *[(n, "<u2") for n in ("discard_pre", "discard_post", "center_sample", "encoding_space_ref")],
        ("trajectory_dimensions", "<u2"),
        ("sample_time_us", "<f4"),
        *[(n, "<f4", (3,)) for n in ("position", "read_dir", "phase_dir", "slice_dir", "patient_table_position")],
        ("idx", COUNTERS),
        ("user_int", "<i4", (8,)),
        ("user_float", "<f4", (8,)),
    ]
)
FLOATS = h5py.special_dtype(vlen=np.dtype("float32"))
ROW = np.dtype([("head", HEAD), ("traj", FLOATS), ("data", FLOATS)])
NX, NY, COILS = 10, 7, 3


def xml(trajectory="cartesian", nz=1, center=NY // 2, center_z=0):
    return f"""<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
    <encodedSpace><matrixSize><x>{NX}</x><y>{NY}</y><z>{nz}</z></matrixSize>
    <fieldOfView_mm><x>500</x><y>250</y><z>5</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>5</x><y>6</y><z>{nz}</z></matrixSize>
    <fieldOfView_mm><x>250</x><y>250</y><z>5</z></fieldOfView_mm></reconSpace>
    <encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>6</maximum><center>{center}</center>
    </kspace_encoding_step_1><kspace_encoding_step_2><minimum>0</minimum><maximum>{nz - 1}</maximum>
    <center>{center_z}</center></kspace_encoding_step_2></encodingLimits>
    <trajectory>{trajectory}</trajectory></encoding></ismrmrdHeader>"""


def row(samples, *, flags=(), center=None, traj=None, pre=0, post=0, **idx):
    """One row; ``samples`` is (coil, sample) in the order of acquisition, ``flags`` are the standard's bit numbers."""
    head = np.zeros((), HEAD)
    head["version"] = 1
    head["flags"] = sum(1 << (bit - 1) for bit in flags)
    coils, count = samples.shape
    head["number_of_samples"], head["active_channels"], head["available_channels"] = count, coils, coils
    head["center_sample"] = count // 2 if center is None else center
    head["discard_pre"], head["discard_post"] = pre, post
    head["trajectory_dimensions"] = 0 if traj is None else traj.shape[-1]
    for name, value in idx.items():
        head["idx"][name] = value
    flat = np.stack((samples.real, samples.imag), axis=-1).astype(np.float32).reshape(-1)
    return head, np.zeros(0, np.float32) if traj is None else traj.astype(np.float32).reshape(-1), flat


def write(folder, rows, header=None, group="dataset"):
    path = folder / "scan.h5"
    with h5py.File(path, "w") as opened:
        made = opened.create_group(group)
        text = made.create_dataset("xml", (1,), dtype=h5py.special_dtype(vlen=bytes))
        text[0] = (xml() if header is None else header).encode()
        table = made.create_dataset("data", (len(rows),), maxshape=(None,), dtype=ROW)
        for index, (head, traj, data) in enumerate(rows):
            record = np.empty(1, ROW)
            record["head"][0], record["traj"][0], record["data"][0] = head, traj, data
            table[index] = record[0]
    return path


@pytest.fixture
def kspace():
    """(slice, coil, y, x), k = 0 at n//2, all sizes different."""
    rng = np.random.default_rng(5)
    return (rng.standard_normal((2, COILS, NY, NX)) + 1j * rng.standard_normal((2, COILS, NY, NX))).astype(np.complex64)


def lines(kspace, order=None, **common):
    for s in range(len(kspace)):
        for y in order or range(NY):
            yield row(kspace[s, :, y], kspace_encode_step_1=y, slice=s, **common)


def test_full_sampling_in_any_order(tmp_path, kspace):
    got = load_ismrmrd(write(tmp_path, list(lines(kspace, order=(3, 0, 6, 1, 5, 2, 4)))))
    np.testing.assert_array_equal(got.kdata.numpy(), kspace)
    assert got.kdata.dtype == torch.complex64
    assert got.mask.shape == (2, NY, NX)
    assert got.mask.all()
    assert (got.averages == 1).all()
    assert got.im_size == (1, 6, 5)
    assert got.encoding.encoded_fov_mm == (5.0, 250.0, 500.0)


def test_one_slice(tmp_path, kspace):
    got = load_ismrmrd(write(tmp_path, list(lines(kspace))), slice=1)
    np.testing.assert_array_equal(got.kdata.numpy(), kspace[1])
    assert got.mask.shape == (NY, NX)


def test_lines_that_are_no_image_are_skipped(tmp_path, kspace):
    junk = np.full((COILS, NX), 99, np.complex64)
    noise = np.full((2, 64), 99, np.complex64)  # noise scans differ in length and even in coils
    rows = [row(noise, flags=(19,))]
    rows += [row(junk, flags=(bit,), kspace_encode_step_1=2) for bit in (20, 23, 24, 26, 27, 28, 29, 30, 31)]
    rows += list(lines(kspace[:1], flags=(1, 7)))[:-1]
    rows += [row(kspace[0, :, 6], flags=(20, 21), kspace_encode_step_1=6)]  # calibration that is also imaging
    got = load_ismrmrd(write(tmp_path, rows), slice=0)
    np.testing.assert_array_equal(got.kdata.numpy(), kspace[0])


def test_missing_lines_are_zero_and_masked(tmp_path, kspace):
    rows = [row(kspace[0, :, y], kspace_encode_step_1=y) for y in (0, 3, 4)]
    got = load_ismrmrd(write(tmp_path, rows), slice=0)
    assert got.mask.any(-1).tolist() == [True, False, False, True, True, False, False]
    assert (got.kdata[:, ~got.mask] == 0).all()
    np.testing.assert_array_equal(got.kdata[:, [0, 3, 4]].numpy(), kspace[0][:, [0, 3, 4]])


def test_partial_echo_and_partial_phase_encoding(tmp_path, kspace):
    # Readouts begin at k = -2 instead of -5; the first line acquired is k = -1 and carries counter 0.
    rows = [row(kspace[0, :, y, 3:], center=2, kspace_encode_step_1=y - 2) for y in range(2, NY)]
    got = load_ismrmrd(write(tmp_path, rows, xml(center=1)), slice=0)
    np.testing.assert_array_equal(got.kdata[:, 2:, 3:].numpy(), kspace[0][:, 2:, 3:])
    expected = np.zeros((NY, NX), bool)
    expected[2:, 3:] = True
    np.testing.assert_array_equal(got.mask.numpy(), expected)
    assert (got.kdata[:, ~got.mask] == 0).all()


def test_reversed_lines_with_partial_echo_and_discarded_samples(tmp_path, kspace):
    junk = np.full((COILS, 2), 99, np.complex64)
    rows = []
    for y in range(NY):
        partial = kspace[0, :, y, 1:]  # k from -4 to 4
        if y % 2:  # acquired backwards: junk first in time is junk last in k; center_sample counts along rising k
            samples = np.concatenate((junk, partial[:, ::-1]), axis=1)
            rows.append(row(samples, flags=(22,), center=4, pre=2, kspace_encode_step_1=y))
        else:
            samples = np.concatenate((junk, partial), axis=1)
            rows.append(row(samples, center=6, pre=2, kspace_encode_step_1=y))
    got = load_ismrmrd(write(tmp_path, rows), slice=0)
    np.testing.assert_array_equal(got.kdata[..., 1:].numpy(), kspace[0][..., 1:])
    assert not got.mask[:, 0].any()
    assert got.mask[:, 1:].all()


def test_discarded_at_the_end_of_a_reversed_line(tmp_path, kspace):
    samples = np.concatenate((kspace[0, :, 3, ::-1], np.full((COILS, 1), 99, np.complex64)), axis=1)
    rows = [row(samples, flags=(22,), center=6, post=1, kspace_encode_step_1=3)]
    got = load_ismrmrd(write(tmp_path, rows), slice=0)
    np.testing.assert_array_equal(got.kdata[:, 3].numpy(), kspace[0][:, 3])


def test_averages(tmp_path, kspace):
    rows = [*lines(kspace[:1]), row(3 * kspace[0, :, 4], kspace_encode_step_1=4, average=1)]
    got = load_ismrmrd(write(tmp_path, rows), slice=0)
    assert got.averages.tolist() == [1, 1, 1, 1, 2, 1, 1]
    np.testing.assert_allclose(got.kdata[:, 4].numpy(), 2 * kspace[0, :, 4], rtol=1e-6)


@pytest.mark.parametrize("counter", ["contrast", "phase", "repetition", "set"])
def test_repeated_measurements_are_kept_apart(tmp_path, kspace, counter):
    rows = list(lines(kspace[:1])) + list(lines(kspace[1:], **{counter: 2}))
    path = write(tmp_path, rows)
    np.testing.assert_array_equal(load_ismrmrd(path, slice=0).kdata.numpy(), kspace[0])
    np.testing.assert_array_equal(load_ismrmrd(path, slice=0, **{counter: 2}).kdata.numpy(), kspace[1])
    with pytest.raises(DataError, match=f"has no {counter} 1; it has 0, 2"):
        load_ismrmrd(path, **{counter: 1})


def test_three_dimensional_encoding(tmp_path):
    rng = np.random.default_rng(2)
    volume = (rng.standard_normal((COILS, 4, NY, NX)) + 1j).astype(np.complex64)
    rows = [row(volume[:, z, y], kspace_encode_step_1=y, kspace_encode_step_2=z) for z in range(4) for y in range(NY)]
    got = load_ismrmrd(write(tmp_path, rows, xml(nz=4, center_z=2)), slice=0)
    np.testing.assert_array_equal(got.kdata.numpy(), volume)
    assert got.mask.shape == (4, NY, NX)


def test_the_reference_writer_agrees(tmp_path, kspace):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ismrmrd = pytest.importorskip("ismrmrd")
        dataset = ismrmrd.Dataset(str(tmp_path / "scan.h5"), "dataset", create_if_needed=True)
        dataset.write_xml_header(xml().encode())
        for y in range(NY):
            acquisition = ismrmrd.Acquisition.from_array(kspace[0, :, y])
            acquisition.center_sample = NX // 2
            acquisition.idx.kspace_encode_step_1 = y
            dataset.append_acquisition(acquisition)
        noise = ismrmrd.Acquisition.from_array(np.full((COILS, 64), 99, np.complex64))
        noise.setFlag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        dataset.append_acquisition(noise)
        dataset.close()
    got = load_ismrmrd(tmp_path / "scan.h5", slice=0)
    np.testing.assert_array_equal(got.kdata.numpy(), kspace[0])


def test_non_cartesian_readouts(tmp_path):
    rng = np.random.default_rng(3)
    samples = (rng.standard_normal((4, COILS, 6)) + 1j).astype(np.complex64)
    traj = rng.standard_normal((4, 6, 2)).astype(np.float32)
    rows = [row(np.full((1, 5), 9, np.complex64), flags=(19,))]
    rows += [
        row(s, traj=t, kspace_encode_step_1=i, center=1 + i) for i, (s, t) in enumerate(zip(samples, traj, strict=True))
    ]
    path = write(tmp_path, rows, xml("radial"))
    got = load_ismrmrd_readouts(path)
    np.testing.assert_array_equal(got.kdata.numpy(), samples)
    np.testing.assert_array_equal(got.traj.numpy(), traj)
    assert got.center_sample.tolist() == [1, 2, 3, 4]
    assert got.counters["kspace_encode_step_1"].tolist() == [0, 1, 2, 3]
    assert got.encoding.trajectory == "radial"
    with pytest.raises(DataError, match=r"has the trajectory 'radial'.*load_ismrmrd_readouts"):
        load_ismrmrd(path)


def test_readouts_without_trajectory_and_by_counter(tmp_path, kspace):
    got = load_ismrmrd_readouts(write(tmp_path, list(lines(kspace))), slice=1)
    assert got.traj is None
    np.testing.assert_array_equal(got.kdata.numpy(), kspace[1].transpose(1, 0, 2))
    assert got.counters["slice"].tolist() == [1] * NY


def test_a_reversed_trajectory_turns_with_its_samples(tmp_path):
    samples = np.arange(1, 7, dtype=np.complex64)[None]
    traj = np.arange(6, dtype=np.float32)[:, None].repeat(2, 1)
    got = load_ismrmrd_readouts(write(tmp_path, [row(samples, traj=traj, flags=(22,), center=2)], xml("radial")))
    assert got.kdata[0, 0].real.tolist() == [6, 5, 4, 3, 2, 1]
    assert got.traj[0, :, 0].tolist() == [5, 4, 3, 2, 1, 0]


def test_readouts_of_two_lengths(tmp_path):
    rows = [row(np.ones((2, 6), np.complex64)), row(np.ones((2, 5), np.complex64), slice=1)]
    path = write(tmp_path, rows, xml("spiral"))
    with pytest.raises(DataError, match=r"one shape is allowed. Choose fewer"):
        load_ismrmrd_readouts(path)
    assert load_ismrmrd_readouts(path, slice=1).kdata.shape == (1, 2, 5)


def damaged(**changes):
    head, traj, flat = row(np.ones((COILS, NX), np.complex64))
    for name, value in changes.get("head", {}).items():
        head[name] = value
    return head, changes.get("traj", traj), changes.get("flat", flat)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([damaged(flat=np.ones(7, np.float32))], None, "holds 7 numbers; 10 samples of 3 coils need 60"),
        ([damaged(head={"discard_pre": 10})], None, r"10 \+ 0 discarded must leave some"),
        ([damaged(head={"trajectory_dimensions": 2})], None, "has 0 trajectory numbers; .* need 20"),
        ([damaged(flat=np.full(60, np.nan, np.float32))], None, "readout 0 holds 60 NaN"),
        ([damaged(head={"center_sample": 9})], None, "x=-4..5, outside the encoded grid"),
        ([damaged()], xml(center=5), "line y=-2"),
        ([row(np.ones((COILS, 11), np.complex64))], None, "x=0..10, outside"),
        ([damaged(), row(np.ones((2, NX), np.complex64))], None, r"\[2, 3\] coils; one number is allowed"),
        ([row(np.ones((2, 4), np.complex64), flags=(19,))], None, "it has no imaging readout at all"),
        ([damaged()], xml(trajectory=""), "trajectory 'unknown'"),
        ([damaged()], xml()[:-20], "XML header cannot be read"),
        ([damaged()], xml().replace(f"<y>{NY}</y>", "<y>0</y>"), "encodes 0 x 10"),
    ],
)
def test_what_is_refused(tmp_path, rows, header, message):
    with pytest.raises(DataError, match=message):
        load_ismrmrd(write(tmp_path, rows, header))


def test_nothing_for_this_encoding(tmp_path, kspace):
    path = write(tmp_path, list(lines(kspace)))
    with pytest.raises(DataError, match="has 1 encodings; got encoding=1"):
        load_ismrmrd(path, encoding=1)
    only_noise = write(tmp_path, [row(np.ones((2, 4), np.complex64), flags=(19,))])
    with pytest.raises(DataError, match="no imaging readouts for this encoding"):
        load_ismrmrd_readouts(only_noise)


def test_group_and_keys(tmp_path, kspace):
    path = write(tmp_path, list(lines(kspace)), group="scan7")
    with pytest.raises(DataError, match=r"no group 'dataset'; it has scan7. Pass group="):
        load_ismrmrd(path)
    np.testing.assert_array_equal(load_ismrmrd(path, group="scan7").kdata.numpy(), kspace)
    for key in ("xml", "data"):
        path = write(tmp_path, list(lines(kspace)))
        with h5py.File(path, "a") as opened:
            del opened["dataset"][key]
        with pytest.raises(DataError, match=f"no dataset '{key}'"):
            load_ismrmrd(path)
    path = write(tmp_path, list(lines(kspace)))
    with h5py.File(path, "a") as opened:
        del opened["dataset"]["data"]
        opened["dataset"]["data"] = np.ones(3)
    with pytest.raises(DataError, match="rows of head, traj and data are allowed"):
        load_ismrmrd(path)


def test_truncated_missing_and_ending(tmp_path, kspace):
    path = write(tmp_path, list(lines(kspace)))
    content = path.read_bytes()
    for kept in (0, 300, len(content) - 500):
        path.write_bytes(content[:kept])
        with pytest.raises(DataError, match=r"truncated|is empty"):
            load_ismrmrd(path)
    with pytest.raises(DataError, match="there is no file"):
        load_ismrmrd_readouts(tmp_path / "none.mrd")
    (tmp_path / "scan.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"ends in .npy; a name that ends in .h5 or .hdf5 or .mrd"):
        load_ismrmrd(tmp_path / "scan.npy")
