import json

import torch

from benchmarks import harness, temporal


def test_a_tiny_case_is_measured_and_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results" / "benchmarks")
    threads = torch.get_num_threads()
    try:
        # Too small to be judged: what counts is that both ways compute the same, and what is written.
        assert temporal.main((temporal.Case(12, 3, 2, 4),)) == 0
    finally:
        torch.set_num_threads(threads)
    saved = json.loads((harness.RESULTS / "temporal.json").read_text(encoding="utf-8"))
    (row,) = saved["rows"]
    assert (row["im_size"], row["frames"], row["coils"], row["spokes"]) == (12, 3, 2, 4)
    assert 0 < row["relative difference"] < 1e-4
    assert row["ratio"] > 0
    # Kernels, grams for the norm, iterations: more than the iterations alone.
    assert row["extrapolated by grams, s"] > temporal.ITERATIONS * row["gram iteration, s"]
    assert row["extrapolated by NUFFTs, s"] > temporal.ITERATIONS * row["NUFFT iteration, s"]
    assert saved["facts"]["passed"] is True


def test_a_slow_gram_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results" / "benchmarks")
    row = {"im_size": 104, "ratio": 4.9, "relative difference": 1e-6}
    monkeypatch.setattr(temporal, "measure", lambda *_, **__: dict(row))
    assert temporal.main((temporal.CASES[1],)) == 1
    row["ratio"] = 5.1
    assert temporal.main((temporal.CASES[1],)) == 0
    row["relative difference"] = 1e-2
    assert temporal.main((temporal.CASES[1],)) == 1
    assert temporal.CASES[-1] == temporal.Case(208, 25, 16, 39, rounds=1, iterations=2)
