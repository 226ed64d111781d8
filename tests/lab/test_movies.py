"""Movies of finished runs: which runs, what is beside what, and where."""

import numpy as np
import pytest
from PIL import Image

from otrecon.lab import __main__ as command

FILMS = "tests.lab.toys:FILMS"


@pytest.fixture
def home(tmp_path):
    assert command.main(["run", FILMS, "--scale", "smoke"], home=tmp_path) == 0
    assert command.main(["run", FILMS, "--scale", "smoke", "--set", "word=fail"], home=tmp_path) == 1
    return tmp_path


def movies(home):
    return {path.name.split("-")[0]: path for path in sorted((home / "results" / "films").glob("*.gif"))}


def grey(path):
    with Image.open(path) as opened:
        return np.array(opened.convert("L")), opened.info["duration"], opened.n_frames


def test_each_run_with_a_film_has_one_beside_its_record_and_its_reference(home, capsys):
    capsys.readouterr()
    assert command.main(["movie", FILMS], home=home) == 0
    told = capsys.readouterr().out.splitlines()
    found = movies(home)
    assert list(found) == ["0", "1", "2"]
    assert told[0].split() == ["movie", "seed"]
    assert {path.stem.rsplit("-", 1)[0] for path in found.values()} == {"0-smoke", "1-smoke", "2-smoke"}
    for (seed, path), line in zip(found.items(), told[1:], strict=True):
        assert line.split() == [f"results/films/{path.name}", seed]
        assert len(list(path.parent.glob(f"{path.stem.split('-')[-1]}*.json"))) == 1
    picture = grey(found["1"])[0]
    side = picture.shape[0] // 6
    assert picture.shape == (6 * side, 11 * side)  # two films of 5 columns, and a line
    # Two of four; the line; and what they are compared with, whose largest value is white.
    assert [set(picture[:, part * side].tolist()) for part in (0, 4, 5, 6, 10)] == [{128}, {128}, {255}, {255}, {255}]
    assert set(grey(found["2"])[0].flatten().tolist()) == {255}
    assert grey(found["2"])[0].shape == (6 * side, 5 * side)


def test_runs_with_other_settings_than_their_plan_are_told_apart(home):
    for more in (["cpu"], ["cpu", "--set", "word=b"]):
        assert command.main(["run", FILMS, "--scale", *more], home=home) == 0
    assert command.main(["movie", FILMS, "--only", "seed=0"], home=home) == 0
    names = {path.stem.rsplit("-", 1)[0] for path in (home / "results" / "films").glob("*.gif")}
    assert names == {"0-smoke", "0-cpu", "0-cpu-changed"}


def test_some_of_them_as_long_as_one_likes(home):
    assert command.main(["movie", FILMS, "--only", "seed=1", "--only", "word=a", "--seconds", "6"], home=home) == 0
    found = movies(home)
    assert list(found) == ["1"]
    assert grey(found["1"])[1] == 6000  # three frames, all the same, are one


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["films"], "no experiment 'films'; there are: contest"),
        ([FILMS, "--only", "sed=1"], "no setting 'sed'; there are: seed, size"),
        ([FILMS, "--only", "seed"], "--only takes NAME=VALUE"),
        ([FILMS, "--only", "seed=7"], "no finished run with seed=7 in "),
        ([FILMS, "--only", "seed=3"], "has a film; to do one: python -m otrecon.lab run films."),
        ([FILMS, "--only", "word=fail"], "no finished run with word=fail"),
        ([FILMS, "--seconds", "0.01"], "seconds must be from 0.06 to 1965 for 3 frames"),
    ],
)
def test_what_cannot_be_shown_names_the_fix(arguments, message, home, capsys):
    with pytest.raises(SystemExit):
        command.main(["movie", *arguments], home=home)
    assert message in capsys.readouterr().err
    assert not movies(home)


def test_there_is_nothing_yet(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["movie", "dynamic-radial"], home=tmp_path)
    assert "no finished run in" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [0, 100, 1000])
def test_a_damaged_file_says_which(kept, home, capsys):
    for path in (home / "results" / "films").glob("*.pt"):
        path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(SystemExit):
        command.main(["movie", FILMS], home=home)
    assert ".pt is damaged" in (told := capsys.readouterr().err)
    assert "and its run is done again" in told
