import json
import math
import sys
import types

import numpy as np
import pytest
import torch

from otrecon.show.glue import glue, glued


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.delenv("OTRECON_GLUE", raising=False)
    glued.clear()
    yield
    glued.clear()


@pytest.mark.parametrize(
    ("value", "form", "unit", "text"),
    [
        (31.4159, ".1f", "dB", "31.4\u00a0dB"),
        (31.4159, "", "", "31.42"),
        (0.125, ".0%", "", "12%"),
        (12.5, ".1f", "%", "12.5%"),
        (90, "", "°", "90°"),
        (1234567, ",", "", "1,234,567"),
        (-0.4, ".1f", "dB", "−0.4\u00a0dB"),
        (3.2e-5, ".1e", "", "3.2 × 10⁻⁵"),
        (1e-10, "", "", "1 × 10⁻¹⁰"),
        (torch.tensor(2.0), ".2f", "", "2.00"),
        (np.float64(0.5), ".2f", "px", "0.50\u00a0px"),
        ("CG-SENSE", "", "", "CG-SENSE"),
        ([1.0, 2.0], ".1f", "s", "1.0, 2.0\u00a0s"),
    ],
)
def test_text_as_prose_shows_it(value, form, unit, text):
    glue("x", value, form, unit=unit)
    assert glued == {"x": text}


def test_several_by_keyword_even_when_called_name_or_value():
    glue(coils=8, name=2.5, value="x")
    assert glued == {"coils": "8", "name": "2.5", "value": "x"}


def test_each_is_one_line_of_json(monkeypatch, tmp_path):
    file = tmp_path / "glue.jsonl"
    monkeypatch.setenv("OTRECON_GLUE", str(file))
    glue("psnr_cg", 31.4159, ".1f", unit="dB")
    glue(coils=8)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"name": "psnr_cg", "text": "31.4\u00a0dB", "value": 31.4159},
        {"name": "coils", "text": "8", "value": 8},
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, torch.tensor(math.inf), [1.0, math.inf], None])
def test_only_finite_numbers(value):
    with pytest.raises(ValueError, match=r"NaN|infinite|None"):
        glue("x", value)
    assert glued == {}


@pytest.mark.parametrize("name", ["a:b", "1st", "", "a b"])
def test_names_that_prose_cannot_quote(name):
    with pytest.raises(ValueError, match="letters"):
        glue(name, 1)


def test_nothing_to_glue_and_arguments_in_the_wrong_order():
    with pytest.raises(ValueError, match="Nothing to glue"):
        glue()
    with pytest.raises(TypeError, match="then the value"):
        glue(3.0, "psnr")


def test_without_a_kernel_nothing_is_displayed(capsys):
    glue("x", 1)
    assert capsys.readouterr().out == ""


def test_in_a_kernel_myst_nb_gets_the_text(monkeypatch):
    pytest.importorskip("IPython")
    import IPython
    import myst_nb

    calls = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(myst_nb, "glue", lambda *args, **kwargs: calls.append((args, kwargs)))
    glue("x", 0.5, ".2f")
    assert calls == [(("x", "0.50"), {"display": False})]


def test_what_myst_nb_gets_survives_its_own_reading():
    # myst_nb evaluates the text/plain of what it was given as a literal: trailing zeros must survive.
    variables = pytest.importorskip("myst_nb.core.variables")
    glue("x", 0.5, ".2f", unit="dB")
    assert variables.format_plain_text(repr(glued["x"]), "s") == "0.50\u00a0dB"
    glue("y", 0.5, ".2f")
    assert variables.format_plain_text(repr(glued["y"]), "s") == "0.50"


def test_without_myst_nb_the_text_is_kept(monkeypatch):
    fake = types.ModuleType("IPython")
    fake.get_ipython = object
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    glue("x", 1)
    assert glued == {"x": "1"}


@pytest.mark.book
def test_a_real_kernel_hands_the_text_to_the_page(monkeypatch, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("myst_nb")
    monkeypatch.setenv("OTRECON_GLUE", str(tmp_path / "glue.jsonl"))
    monkeypatch.setenv("OTRECON_CLAIMS", str(tmp_path / "claims.jsonl"))
    monkeypatch.setenv("OTRECON_SCALE", "cpu")
    source = 'from otrecon import show\nshow.glue("x", 0.5, ".2f", unit="dB")\nshow.claim("Half is half", True, 0.5)'
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    glued_output, box = notebook.cells[0].outputs
    assert glued_output.data == {"application/papermill.record/text/plain": "'0.50\\xa0dB'"}
    assert glued_output.metadata["scrapbook"]["name"] == "x"
    assert "otrecon-claim" in box.data["text/html"]
    assert json.loads((tmp_path / "glue.jsonl").read_text(encoding="utf-8"))["text"] == "0.50\u00a0dB"
    assert json.loads((tmp_path / "claims.jsonl").read_text(encoding="utf-8"))["text"] == "Half is half"
