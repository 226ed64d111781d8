import h5py
import numpy as np
import pytest
import scipy.io
import torch

from otrecon.data import DataError, load_cells3d, load_contours, load_rat_cine, load_t1t2


def mat(folder, **variables):
    scipy.io.savemat(folder / "file.mat", variables)
    return folder / "file.mat"


def mat73(folder, name, value):
    with h5py.File(folder / "file.mat", "w", userblock_size=512) as opened:
        opened[name] = value.T
    return folder / "file.mat"


def movie():
    y, x, t = np.indices((5, 4, 3))
    return y + 10.0 * x + 100.0 * t


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_rat_cine(tmp_path, version):
    path = mat(tmp_path, image0=movie()) if version == "5" else mat73(tmp_path, "image0", movie())
    got = load_rat_cine(path)
    assert got.shape == (3, 5, 4)
    assert got.dtype == torch.float64
    assert got[2, 3, 1].item() == 3 + 10 + 200
    assert got.is_contiguous()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"image1": movie()}, "no variable 'image0'; it has image1"),
        ({"image0": movie()[..., 0]}, r"shape \(5, 4\); real floating-point numbers with 3 axes"),
        ({"image0": movie() * 1j}, "complex128"),
        ({"image0": movie() * np.nan}, "image0 holds 60 NaN"),
        ({"image0": "text"}, "real floating-point"),
    ],
)
def test_rat_cine_refuses(tmp_path, variables, message):
    with pytest.raises(DataError, match=message):
        load_rat_cine(mat(tmp_path, **variables))


def test_t1t2(tmp_path):
    t1, t2 = np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4) ** 2
    got = load_t1t2(mat(tmp_path, groundtruth={"T1": t1, "T2": t2}))
    np.testing.assert_array_equal(got.t1.numpy(), t1)
    np.testing.assert_array_equal(got.t2.numpy(), t2)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"other": 1.0}, "no variable 'groundtruth'; it has other"),
        ({"groundtruth": {"T1": np.ones((3, 4))}}, "has the fields T1; one struct with T1 and T2"),
        ({"groundtruth": np.ones((3, 4))}, "has the fields none"),
        ({"groundtruth": {"T1": np.ones((3, 4)), "T2": np.ones((4, 3))}}, "one size is allowed"),
        ({"groundtruth": {"T1": np.ones((3, 4)), "T2": np.full((3, 4), np.inf)}}, "T2 holds 12 NaN or inf"),
        ({"groundtruth": {"T1": np.ones((3, 4)), "T2": "x"}}, r"groundtruth.T2 is <U1"),
    ],
)
def test_t1t2_refuses(tmp_path, variables, message):
    with pytest.raises(DataError, match=message):
        load_t1t2(mat(tmp_path, **variables))


@pytest.mark.parametrize("load", [load_rat_cine, load_t1t2])
def test_truncated_matlab(tmp_path, load):
    path = mat(tmp_path, image0=movie(), groundtruth={"T1": movie()[0], "T2": movie()[0]})
    path.write_bytes(path.read_bytes()[:-200] if load is load_t1t2 else path.read_bytes()[:300])
    with pytest.raises(DataError, match="cannot be read"):
        load(path)
    with pytest.raises(DataError, match="there is no file"):
        load(tmp_path / "none.mat")


WKT = "0; POLYGON((1 2,5 2,5 6,1 2))\n3; POLYGON((2 2, 6 2, 6 8.5, 2 7, 2 2))\n1000; POLYGON((1 2,5 2,5 6,1 2))\n"


def outlines(folder, text):
    (folder / "cell.wkt").write_text(text)
    return folder / "cell.wkt"


def test_contours(tmp_path):
    got = load_contours(outlines(tmp_path, WKT))
    assert got.times.tolist() == [0, 3]
    assert got.height == 8.5
    assert got.outlines[0].tolist() == [[6.5, 1], [6.5, 5], [2.5, 5]]
    assert got.outlines[1].tolist() == [[6.5, 2], [6.5, 6], [0, 6], [1.5, 2]]


def test_contours_in_an_image_of_known_height(tmp_path):
    got = load_contours(outlines(tmp_path, WKT), height=20)
    assert got.outlines[0].tolist() == [[18, 1], [18, 5], [14, 5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WKT[:-20], "line 3: .*may be truncated"),
        ("0; POLYGON((1 2,5 2,5 6,1 3))", "line 1.*the last repeating the first"),
        ("0; POLYGON((1 2,5 2,1 2))", "at least three points"),
        ("0; POLYGON((1 2,5,5 6,1 2))", "line 1"),
        ("0; POLYGON((1 2,5 b,5 6,1 2))", "line 1"),
        ("0; POLYGON((nan 2,5 1,5 6,nan 2))", "line 1"),
        ("0; POINT(1 2)", "line 1"),
        ("POLYGON((1 2,5 2,5 6,1 2))", "line 1"),
        ("3" + WKT, "line 2: time 3 follows 30; rising times"),
        ("1000; POLYGON((1 2,5 2,5 6,1 2))", "no outline besides time 1000"),
        ("\n\n", "no outline besides"),
        ("", "is empty"),
        ("0; POLYGÖN", "not plain text"),
    ],
)
def test_contours_refuse(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        load_contours(outlines(tmp_path, text))


def test_contours_ending(tmp_path):
    (tmp_path / "cell.txt").write_text(WKT)
    with pytest.raises(DataError, match=r"ends in .txt; a name that ends in .wkt"):
        load_contours(tmp_path / "cell.txt")


def cells(folder, spacing=(0.3, 0.1, 0.2), **arrays):
    arrays = {
        "raw": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        "label": np.full((2, 3, 4), 40000, np.uint16),
    } | arrays
    with h5py.File(folder / "cells.h5", "w") as opened:
        for name, value in arrays.items():
            if value is not None:
                opened[name] = value
                if spacing is not None:
                    opened[name].attrs["element_size_um"] = spacing
    return folder / "cells.h5"


def test_cells3d(tmp_path):
    got = load_cells3d(cells(tmp_path))
    assert got.raw.dtype == torch.uint8
    assert got.raw[1, 2, 3].item() == 23
    assert got.label.dtype == torch.int64
    assert (got.label == 40000).all()
    assert got.spacing_um == (0.3, 0.1, 0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, "no dataset 'label'; it has raw"),
        ({"label": np.ones((2, 3, 5), np.uint16)}, r"label uint16 \(2, 3, 5\); one shape"),
        ({"label": np.ones((2, 3, 4))}, "label float64"),
        ({"raw": np.ones((3, 4)), "label": np.ones((3, 4), int)}, r"one shape \(z, y, x\)"),
        ({"raw": np.full((2, 3, 4), np.nan)}, "raw holds 24 NaN"),
        ({"spacing": None}, r"element_size_um of .* is \[\]; three positive lengths"),
        ({"spacing": (1.0, 0.0, 1.0)}, "three positive lengths"),
        ({"spacing": (1.0, 1.0)}, "three positive lengths"),
    ],
)
def test_cells3d_refuses(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_cells3d(cells(tmp_path, **changes))


def test_cells3d_truncated(tmp_path):
    path = cells(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="truncated"):
        load_cells3d(path)


def test_v73_without_the_variable(tmp_path):
    with pytest.raises(DataError, match="no variable 'image0'; it has movie"):
        load_rat_cine(mat73(tmp_path, "movie", movie()))
