import json
import math

import numpy as np
import pytest
import torch

from otrecon.show.claims import Claim, ClaimError, claim


@pytest.fixture(autouse=True)
def book_scale(monkeypatch):
    monkeypatch.setenv("OTRECON_SCALE", "cpu")
    monkeypatch.delenv("OTRECON_CLAIMS", raising=False)


def test_a_claim_that_holds_is_shown():
    made = claim("The gram is symmetric", 3 > 2, 3.14159265, unit="dB", tolerance=1e-3)
    assert isinstance(made, Claim)
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert 'class="otrecon-claim"' in bundle["text/html"]
    assert "✓" in bundle["text/html"]
    assert "Claim checked" in bundle["text/html"]
    assert "3.142\u00a0dB, tolerance 0.001\u00a0dB" in bundle["text/html"]
    assert bundle["text/plain"] == "✓ Claim checked: The gram is symmetric [3.142\u00a0dB, tolerance 0.001\u00a0dB]"


def test_a_false_claim_stops_with_text_and_value():
    with pytest.raises(ClaimError, match=r"does not hold: The sky is green \[0\.25\]") as caught:
        claim("The sky is green", False, 0.25)
    assert isinstance(caught.value, AssertionError)


def test_smoke_records_without_enforcing(monkeypatch, tmp_path):
    monkeypatch.setenv("OTRECON_SCALE", "smoke")
    monkeypatch.setenv("OTRECON_CLAIMS", str(tmp_path / "claims.jsonl"))
    made = claim("CG beats zero filling", False, 0.1)
    assert "recorded at smoke scale" in made._repr_mimebundle_()["text/html"]
    assert "✓" not in made._repr_mimebundle_()["text/html"]
    assert json.loads((tmp_path / "claims.jsonl").read_text(encoding="utf-8"))["holds"] is False


def test_each_claim_is_one_line_also_the_one_that_fails(monkeypatch, tmp_path):
    file = tmp_path / "claims.jsonl"
    monkeypatch.setenv("OTRECON_CLAIMS", str(file))
    claim("‖Ax‖ is\n  bounded", True, [1, 2.5], unit="px")
    claim("Exact", True, math.inf)
    with pytest.raises(ClaimError):
        claim("Wrong", False)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"text": "‖Ax‖ is bounded", "holds": True, "value": [1, 2.5], "scale": "cpu", "evidence": "1, 2.5\u00a0px"},
        {"text": "Exact", "holds": True, "value": "inf", "scale": "cpu", "evidence": "∞"},
        {"text": "Wrong", "holds": False, "value": None, "scale": "cpu", "evidence": ""},
    ]


@pytest.mark.parametrize("holds", [np.bool_(True), np.array(True), torch.tensor(True), torch.ones(3).sum() > 2])
def test_single_booleans_of_numpy_and_torch(holds):
    assert claim("So it is", holds).holds is True


@pytest.mark.parametrize(
    "holds", [1, "yes", None, torch.tensor(1.0), torch.tensor([True, False]), np.array([True, True])]
)
def test_anything_else_is_a_type_error(holds):
    with pytest.raises(TypeError, match="give one boolean"):
        claim("So it is", holds)


@pytest.mark.parametrize("value", [math.nan, torch.tensor(math.nan), np.float32("nan"), [1.0, math.nan]])
def test_nan_is_an_error(value):
    with pytest.raises(ValueError, match="NaN"):
        claim("So it is", True, value)


@pytest.mark.parametrize(("value", "text"), [(torch.tensor(2.5), "2.5"), (np.array([1, 2]), "1, 2"), (True, "yes")])
def test_values_of_many_kinds(value, text):
    assert claim("So it is", True, value).evidence == text


@pytest.mark.parametrize("value", [torch.ones(2, 2), object(), torch.tensor(1j)])
def test_values_that_cannot_be_shown(value):
    with pytest.raises(TypeError, match="give a real number"):
        claim("So it is", True, value)


def test_text_is_escaped_and_plain():
    assert "a &lt; b &amp; c" in claim("a < b & c", True)._repr_mimebundle_()["text/html"]
    with pytest.raises(ValueError, match="dollar"):
        claim("$x$ is small", True)
    with pytest.raises(ValueError, match="sentence"):
        claim("  ", True)
