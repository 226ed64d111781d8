from pathlib import Path

import pytest

from book._tools import address

ROOT = Path(__file__).resolve().parents[2]
README = """See https://github.com/old/otrecon and https://github.com/old/otrecon.git.
[![Binder](https://mybinder.org/badge.svg)](https://mybinder.org/v2/gh/old/otrecon/master?urlpath=lab)
[Colab](https://colab.research.google.com/github/old/otrecon/blob/gh-pages/_colab/one.ipynb)
[file](https://github.com/old/otrecon/blob/master/README.md#top), [issue](https://github.com/old/otrecon/issues/2).
Read it at https://old.github.io/otrecon/book/one.html. Not ours: https://github.com/mikgroup/sigpy/blob/master/a.py
![ci](https://github.com/old/otrecon/actions/workflows/ci.yml/badge.svg)
pip install git+https://github.com/old/otrecon.git@master
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/new/otrecon\n  branch: main\n")
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def test_sync_moves_ours_and_leaves_the_others(root):
    assert address.sync(root) == [root / "README.md"]
    expected = README.replace("old/otrecon", "new/otrecon").replace("old.github.io", "new.github.io")
    expected = expected.replace("otrecon/master", "otrecon/main").replace("otrecon/blob/master", "otrecon/blob/main")
    expected = expected.replace("otrecon.git@master", "otrecon.git@main")
    assert (root / "README.md").read_text() == expected
    assert address.misplaced(root) == []
    assert address.sync(root) == []


def test_check_names_the_place(root, capsys):
    assert address.main(["check"], root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "README.md:1: old/otrecon should be new/otrecon; run `make notebooks`"
    assert {line.split(":")[1] for line in lines} == {"1", "2", "3", "4", "5", "6", "7"}


def test_a_new_name_is_followed_from_what_the_packaging_held(root):
    (root / "pyproject.toml").write_text(
        '[project]\nname = "otrecon"\nurls = {Source = "https://github.com/a/first"}\n'
    )
    (root / "README.md").write_text("https://github.com/a/first https://github.com/b/first")
    (root / "_config.yml").write_text("repository:\n  url: https://github.com/c/second\n")
    address.sync(root)
    assert (root / "README.md").read_text() == "https://github.com/c/second https://github.com/b/first"
    assert "https://github.com/c/second" in (root / "pyproject.toml").read_text()
    assert address.misplaced(root) == []


@pytest.mark.parametrize("url", ["", "https://example.org/a/b", "https://github.com/only"])
def test_an_address_that_cannot_be_used(tmp_path, url):
    (tmp_path / "_config.yml").write_text(f"repository:\n  url: {url!r}\n")
    with pytest.raises(ValueError, match=r"repository\.url"):
        address.read_address(tmp_path)


def test_every_address_in_this_repository_follows():
    assert [f"{place.path}:{place.line}: {place.found}" for place in address.misplaced(ROOT)] == []
