"""Films as GIFs: every pixel and every moment comes back, and what cannot be shown is refused."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from otrecon import show
from otrecon.movie import save_movie


def film(frames=5, height=7, width=9):
    generator = torch.Generator().manual_seed(3)
    return torch.rand(frames, height, width, generator=generator)


def read(path):
    with Image.open(path) as opened:
        pictures = [np.array(each.convert("L")) for each in ImageSequence.Iterator(opened)]
        durations = [each.info["duration"] for each in ImageSequence.Iterator(opened)]
        return np.stack(pictures), durations, opened.info["loop"]


def test_every_pixel_and_every_moment(tmp_path):
    x = film()
    assert save_movie(x, tmp_path / "a.gif", scale=1) == tmp_path / "a.gif"
    pictures, durations, loop = read(tmp_path / "a.gif")
    np.testing.assert_array_equal(pictures, (255 * x.double() / x.max().double()).round().numpy())
    assert durations == [200] * 5
    assert loop == 0  # for ever


def test_enlarged_pixel_by_pixel(tmp_path):
    small, large = (save_movie(film(), tmp_path / f"{n}.gif", scale=n) for n in (1, 3))
    np.testing.assert_array_equal(read(large)[0], read(small)[0].repeat(3, 1).repeat(3, 2))
    assert read(save_movie(film(2, 50, 60), tmp_path / "usual.gif"))[0].shape == (2, 250, 300)
    assert read(save_movie(film(2, 400, 10), tmp_path / "big.gif"))[0].shape == (2, 400, 10)


def test_frames_share_the_time_to_a_hundredth_of_a_second(tmp_path):
    durations = read(save_movie(film(7), tmp_path / "a.gif", seconds=0.5))[1]
    assert sum(durations) == 500
    assert set(durations) == {70, 80}
    assert read(save_movie(film(6), tmp_path / "a.gif", seconds=0.12))[1] == [20] * 6


def test_one_scale_and_what_is_above_it_is_white(tmp_path):
    x = torch.tensor([0.0, 0.5, 1.0, 2.0]).reshape(1, 1, 4)
    assert read(save_movie(x, tmp_path / "a.gif", scale=1))[0].tolist() == [[[0, 64, 128, 255]]]
    assert read(save_movie(x, tmp_path / "a.gif", scale=1, vmax=1))[0].tolist() == [[[0, 128, 255, 255]]]
    assert not read(save_movie(0 * x, tmp_path / "a.gif"))[0].any()


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x * torch.exp(2j * torch.arange(9)),
        lambda x: torch.conj(x + 0j),
        lambda x: x.clone().requires_grad_(),
        lambda x: x.double(),
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    ],
)
def test_the_modulus_of_whatever_kind_of_tensor(change, tmp_path):
    paths = save_movie(film(), tmp_path / "a.gif"), save_movie(change(film()), tmp_path / "b.gif")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_integers_and_masks(tmp_path):
    assert read(save_movie(film() > 0.5, tmp_path / "a.gif", scale=1))[0].max() == 255
    assert read(save_movie((9 * film()).to(torch.uint8), tmp_path / "a.gif", scale=1))[0].max() == 255


@pytest.mark.parametrize(
    ("x", "name", "settings", "error", "message"),
    [
        (film().numpy(), "a.gif", {}, TypeError, "must be a torch tensor, got ndarray: convert it with"),
        (film()[0], "a.gif", {}, ValueError, r"must be \(t, y, x\).* got a tensor of shape \(7, 9\)"),
        (film()[None], "a.gif", {}, ValueError, r"must be \(t, y, x\)"),
        (film()[:0], "a.gif", {}, ValueError, "at least one frame"),
        (film().where(film() < 0.9, torch.nan), "a.gif", {}, ValueError, r"of 315 values that are NaN or infinite"),
        (film() + 1j * torch.inf, "a.gif", {}, ValueError, "315 of 315"),
        (film() - 0.5, "a.gif", {}, ValueError, r"down to -0.4.*show film.abs\(\)"),
        (film(), "a.mp4", {}, ValueError, r"a.mp4 must be named .gif"),
        (film(), "movie", {}, ValueError, "must be named .gif"),
        (film(), "a.gif", {"seconds": 0.09}, ValueError, "seconds must be from 0.1 to 3275 for 5 frames.*got 0.09"),
        (film(), "a.gif", {"seconds": 1e5}, ValueError, "got 100000"),
        (film(), "a.gif", {"seconds": -1}, ValueError, "seconds must be positive"),
        (film(), "a.gif", {"vmax": 0}, ValueError, "vmax must be positive"),
        (film(), "a.gif", {"scale": 0}, ValueError, "scale must be at least 1"),
        (film(), "a.gif", {"scale": 1.5}, TypeError, "scale must be an integer"),
    ],
)
def test_what_is_no_movie_is_refused_and_nothing_is_written(x, name, settings, error, message, tmp_path):
    with pytest.raises(error, match=message):
        save_movie(x, tmp_path / name, **settings)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_made_and_an_interruption_leaves_the_old_file(tmp_path, monkeypatch):
    path = save_movie(film(), tmp_path / "new" / "folder" / "a.gif")
    before = path.read_bytes()

    def full(*arguments, **settings):
        arguments[1].write(b"GIF89a")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space left"):
        save_movie(film() ** 2, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_chapter_finds_it_in_show():
    assert show.save_movie is save_movie
