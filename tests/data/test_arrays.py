import numpy as np
import pytest
import torch

from otrecon.data import DataError, load_npy


def save(folder, array, name="a.npy"):
    np.save(folder / name, array)
    return folder / name


@pytest.mark.parametrize("dtype", ["c8", "c16", "f4", "f8", "i2", "u1", "?"])
def test_dtype_shape_and_values_are_kept(tmp_path, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    got = load_npy(save(tmp_path, array))
    assert got.numpy().dtype == array.dtype
    np.testing.assert_array_equal(got.numpy(), array)


def test_column_major_and_foreign_byte_order(tmp_path):
    array = np.asfortranarray((np.arange(6) - 1j).reshape(2, 3).astype(">c8"))
    got = load_npy(save(tmp_path, array))
    assert got.is_contiguous()
    assert got.dtype == torch.complex64
    np.testing.assert_array_equal(got.numpy(), array)


def test_one_number_keeps_its_shape(tmp_path):
    assert load_npy(save(tmp_path, np.array(2.5))).shape == ()


@pytest.mark.parametrize(("kind", "dtype"), [("complex", "c8"), ("real", "f8"), ("integer", "i4"), ("boolean", "?")])
def test_kind(tmp_path, kind, dtype):
    path = save(tmp_path, np.ones((2, 2), dtype))
    assert load_npy(path, ndim=2, kind=kind).shape == (2, 2)
    for other in {"complex", "real", "integer", "boolean"} - {kind}:
        with pytest.raises(DataError, match=f"holds {np.dtype(dtype)}; {other} numbers are allowed"):
            load_npy(path, kind=other)


def test_wrong_number_of_axes(tmp_path):
    with pytest.raises(DataError, match=r"has shape \(2, 2\); 3 axes, none empty, is allowed"):
        load_npy(save(tmp_path, np.ones((2, 2))), ndim=3)
    with pytest.raises(DataError, match=r"has shape \(2, 0\); no empty axis"):
        load_npy(save(tmp_path, np.ones((2, 0))))


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, np.nan)])
def test_nan(tmp_path, value):
    array = np.ones((2, 3), np.complex64)
    array[1, 2] = value
    with pytest.raises(DataError, match=r"1 NaN or infinite values of 6"):
        load_npy(save(tmp_path, array))


@pytest.mark.parametrize("length", [0, 4, 40, 130, 150])
def test_truncated(tmp_path, length):
    path = save(tmp_path, np.ones((3, 4)))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"cannot be read|is empty"):
        load_npy(path)


def test_another_format(tmp_path):
    path = tmp_path / "text.npy"
    path.write_text("<html>log in first</html>")
    with pytest.raises(DataError, match="cannot be read"):
        load_npy(path)


def test_pickles_and_texts_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_npy(save(tmp_path, np.array([{}], dtype=object)))
    with pytest.raises(DataError, match="holds <U2"):
        load_npy(save(tmp_path, np.array(["no"])))


def test_a_type_that_torch_lacks(tmp_path):
    if np.dtype(np.clongdouble).itemsize == 16:
        pytest.skip("this platform has no extended precision")
    with pytest.raises(DataError, match="which torch has not"):
        load_npy(save(tmp_path, np.ones(3, np.longdouble)))


def test_missing_folder_and_ending(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        load_npy(tmp_path / "none.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(DataError, match="not a file but a folder"):
        load_npy(tmp_path / "folder.npy")
    (tmp_path / "a.mat").write_bytes(b"x")
    with pytest.raises(DataError, match=r"ends in .mat; a name that ends in .npy"):
        load_npy(tmp_path / "a.mat")
