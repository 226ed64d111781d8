import json

import pytest

from benchmarks import harness


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(harness.time, "perf_counter", lambda: now[0])
    return now


def test_candidates_take_turns_and_ratios_are_to_the_first(clock):
    calls = []

    def candidate(name, seconds):
        def call():
            calls.append(name)
            # The machine slows down as the run goes on: ratios must not notice.
            clock[0] += seconds * (1 + len(calls) // 4)

        return call

    rows = harness.compare({"a": candidate("a", 1.0), "b": candidate("b", 3.0)}, repeats=4, warmup=2)
    assert "".join(calls) == "abab" + "abbaabba"
    assert [row.name for row in rows] == ["a", "b"]
    assert rows[0].ratio == 1
    assert rows[1].ratio == pytest.approx(3, rel=0.2)
    assert all(row.low <= row.median <= row.high for row in rows)


def test_a_result_says_where_it_comes_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results" / "benchmarks")
    rows = [harness.Row("a", 1.0, 0.9, 1.1, 1.0, 5), {"name": "b", "error": 1e-3}]
    path = harness.save("example", rows, size=[3, 4], passed=True)
    result = json.loads(path.read_text(encoding="utf-8"))
    assert path == tmp_path / "results" / "benchmarks" / "example.json"
    assert result["facts"] == {"size": [3, 4], "passed": True}
    assert result["rows"][0]["median"] == 1.0
    assert result["rows"][1] == {"name": "b", "error": 1e-3}
    assert {"torch", "numpy", "torchkbnufft"} <= set(result["provenance"]["versions"])
    assert {"command", "date", "python", "cpu", "torch_threads"} <= set(result["provenance"])
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert "error" in printed
    assert "passed = True" in printed
    assert "results/benchmarks/example.json" in printed


def test_rejects_what_cannot_be_compared_or_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match="at least 3 repeats, got 1 and 2"):
        harness.compare({"a": lambda: None}, repeats=2)
    with pytest.raises(ValueError, match="needs a candidate"):
        harness.compare({})
    with pytest.raises(ValueError, match="not JSON compliant"):
        harness.save("bad", [], error=float("nan"))
    assert not list(tmp_path.iterdir())
