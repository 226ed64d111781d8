"""The scale switch picks what the environment names and refuses what it does not know."""

import pytest

from otrecon.lab import SCALES, pick, scale


@pytest.mark.parametrize("name", SCALES)
def test_pick_follows_the_environment(monkeypatch, name):
    monkeypatch.setenv("OTRECON_SCALE", name)
    assert scale() == name
    assert pick(smoke=1, cpu=None) == (1 if name == "smoke" else None)


def test_defaults(monkeypatch):
    monkeypatch.delenv("OTRECON_SCALE", raising=False)
    assert scale() == "cpu"


def test_unknown_scale_lists_the_known_ones(monkeypatch):
    monkeypatch.setenv("OTRECON_SCALE", "huge")
    with pytest.raises(ValueError, match=r"'huge'; set it to one of smoke, cpu, paper"):
        scale()
