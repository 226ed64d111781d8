"""The benchmarks of coordinate networks, at sizes that take no time: what they compare is what they say."""

import json
import math

import pytest
import torch

from benchmarks import harness
from benchmarks.inr import race as racing
from benchmarks.inr.__main__ import PARTS, main
from benchmarks.inr.gram import gram
from benchmarks.inr.race import Course, race, recipes, run
from benchmarks.inr.recipes import Adam, Lbfgs, Racer, Separable, reptile
from benchmarks.inr.speed import speed
from otrecon.phantoms import shepp_logan

IMAGE = 2 * shepp_logan().image((12, 10)) - 1


@pytest.fixture
def results(tmp_path, monkeypatch):
    folder = tmp_path / "results" / "benchmarks"
    monkeypatch.setattr(harness, "RESULTS", folder)
    return lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def test_both_ways_to_the_data_term_agree(results):
    gram(16, (6,), 3, repeats=3)
    found = results("inr_gram")
    assert found["facts"]["worst_difference"] <= 1e-5
    assert {row["what"] for row in found["rows"]} >= {"data term", "whole step", "difference at the start"}
    assert "torch" in found["provenance"]["versions"]


def test_the_table_of_speeds_has_every_size(results):
    speed((4, 8), (16, 32), (), repeats=3)
    rows = results("inr_speed")["rows"]
    assert sorted((row["width"], row["places"]) for row in rows) == [(4, 16), (4, 32), (8, 16), (8, 32)]
    assert all(row["seconds"] > 0 for row in rows)


def test_the_race_has_a_row_for_every_recipe(results, monkeypatch):
    small = {
        racing.PLAIN: (Adam(16, 1), None, False),
        "batches": (Adam(8, 1, lr=1e-3, share=4, steps=6), 6, True),
    }
    monkeypatch.setattr(racing, "recipes", lambda _start: small)
    race(8, 3, limits=(0.05, 0.5), tasks=1)
    found = results("inr_race")
    assert [row["recipe"] for row in found["rows"]] == list(small)
    assert [row["seeds"] for row in found["rows"]] == [1, 3]
    assert found["rows"][1]["steps"] == 6
    assert not found["facts"]["plain_reached_the_goal"]


def test_every_recipe_makes_a_fit():
    named = recipes(Adam(128).network(IMAGE, torch.Generator().manual_seed(0))[0].state_dict())
    assert next(iter(named)) == racing.PLAIN
    for label, (recipe, _, _) in named.items():
        racer = recipe(IMAGE, 0)
        before = racer.error()
        for _ in range(8):
            racer.step()
        assert racer.error() < before, label


def test_the_plain_recipe_is_that_of_the_public_code():
    plain = Adam()
    assert (plain.width, plain.layers, plain.omega_0, plain.lr) == (256, 3, 30.0, 1e-4)
    assert (plain.steps, plain.share, plain.rank, plain.start) == (None, 1, None, None)
    # One layer from 2 coordinates, three within, one to a grey value.
    assert plain(IMAGE, 0).parameters == 3 * 256 + 3 * (256**2 + 256) + 257


def test_full_batches_say_their_error_before_the_step():
    racer = Adam(8, 1)(IMAGE, 0)
    before = racer.error()
    assert racer.step() == pytest.approx(before, rel=1e-5)


def test_separable_is_a_sum_of_products():
    network = Separable(8, 1, 3, 30.0, torch.Generator().manual_seed(0))
    y, x = torch.linspace(-1, 1, 5)[:, None], torch.linspace(-1, 1, 7)[:, None]
    rows, columns = network.factors
    expected = torch.stack([torch.outer(rows(y)[:, r], columns(x)[:, r]) for r in range(3)]).sum(0)
    torch.testing.assert_close(network(y, x), expected)
    assert torch.linalg.matrix_rank(network(y, x).double(), rtol=1e-6) == 3


def test_lbfgs_takes_over():
    racer = Lbfgs(Adam(8, 1), after=2)(IMAGE, 0)
    for _ in range(2):
        racer.step()
    before = racer.error()
    for _ in range(4):
        racer.step()
    assert racer.error() < 0.8 * before


def test_a_warm_start_is_nearer_to_what_it_has_not_seen():
    recipe = Adam(16, 1, lr=1e-3)
    start, seconds = reptile(recipe, tasks=30, inner=8, size=12)
    assert seconds > 0
    assert Adam(16, 1, start=start)(IMAGE, 0).error() < recipe(IMAGE, 0).error()


def test_clocks_run_during_steps_alone_and_goals_are_kept(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(racing.time, "perf_counter", lambda: now[0])

    def racer(seconds, gain, tells):
        taken = [0]

        def error():
            now[0] += 0 if tells else 100
            return 4 * 10 ** (-gain * taken[0] / 10)

        def step():
            now[0] += seconds
            taken[0] += 1
            return error() if tells else None

        return Racer(step, error, 1)

    quick, slow, never = (
        Course(racer(1, 10, False), None, 99),
        Course(racer(2, 5, True), 9, 99),
        Course(racer(1, 0, True), None, 6),
    )
    run([quick, slow, never], slice_seconds=2)
    assert quick.reached == {30: 3, 35: 4, 40: 4}
    assert quick.taken == 4
    assert slow.reached == {30: 12, 35: 14, 40: 16}
    assert slow.taken == 9
    assert (never.seconds, never.reached) == (6, {})
    assert math.isclose(slow.psnr, 45)


def test_an_unknown_part_is_named(capsys):
    assert main(["gram", "nothing"]) == 2
    assert "No such part: nothing; there are gram, race, speed." in capsys.readouterr().out
    assert list(PARTS) == ["gram", "race", "speed"]
