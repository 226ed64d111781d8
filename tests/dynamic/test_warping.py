"""Edges move and pictures go along: exact where the answer is known."""

import pytest
import torch

from otrecon.dynamic import TransportTargets, edge_displacements, linear_frames, warped_frames
from tests.dynamic.test_priors import SIZE, bumps


def walk():
    return bumps([(10, 10), (11, 11.5), (12, 13), (13, 14.5)], 3.0) * 100


def test_a_walk_is_walked_on_and_a_film_that_stands_still_stays():
    film = walk()
    found, linear = (fill(film, (0, 3)) for fill in (warped_frames, linear_frames))
    assert float((found[1:3] - film[1:3]).norm()) < 0.3 * float((linear[1:3] - film[1:3]).norm())
    still = film[:1].expand(4, -1, -1)
    torch.testing.assert_close(warped_frames(still, (0, 3)), still)
    flat = torch.full((3, *SIZE), 2.0)
    torch.testing.assert_close(warped_frames(flat, (0, 2)), flat)


def test_contrast_that_changes_in_place_is_averaged_in_place():
    dark = bumps([(12, 15)], 3.0)[0]
    film = torch.stack([dark, 1.5 * dark, 2 * dark])
    torch.testing.assert_close(warped_frames(film, (0, 2))[1], film[1], rtol=0, atol=0.01 * float(film.max()))


def test_displacements_of_edges_are_those_of_the_object():
    film = walk()
    # With a reach some of the edge rather vanishes and appears: the longer it is, the more of the way is walked.
    forth, back = edge_displacements(film, [(0, 2)], reach=24.0)
    ring = film[0] > 0.3 * film[0].max()
    torch.testing.assert_close(forth[0][ring].mean(0), torch.tensor([2.0, 3.0]).double(), rtol=0, atol=0.4)
    ring = film[2] > 0.3 * film[2].max()
    torch.testing.assert_close(back[0][ring].mean(0), -torch.tensor([2.0, 3.0]).double(), rtol=0, atol=0.4)


def test_a_shorter_reach_walks_less_of_the_way():
    film = walk()
    ring = film[0] > 0.3 * film[0].max()
    ways = [edge_displacements(film, [(0, 2)], reach=reach)[0][0][ring].norm(dim=-1).mean() for reach in (3, 8)]
    assert 0.3 < float(ways[0]) < float(ways[1]) < 13**0.5


def test_phases_go_along_and_shares_are_of_time():
    film = walk() * torch.exp(torch.tensor(0.7j))
    found = warped_frames(film, (0, 3))
    assert found.dtype == film.dtype
    torch.testing.assert_close(found.abs(), warped_frames(film.abs(), (0, 3)))
    strong = film[1].abs() > 0.1 * film.abs().max()
    torch.testing.assert_close(found[1][strong].angle(), film[1][strong].angle())
    centre = (found.abs()[1].sum(0) * torch.arange(SIZE[1])).sum() / found.abs()[1].sum()
    assert float(centre) == pytest.approx(11.5, abs=0.3)


def test_targets_of_edges():
    film = walk().to(torch.complex64)
    prior = TransportTargets(4, SIZE, (0, 3), moves="edges")
    prior.prepare(lambda: film)
    torch.testing.assert_close(prior.targets, warped_frames(film, (0, 3), blur=0.7, tol=1e-2)[1:3])
    assert "moves=edges" in repr(prior)
    with pytest.raises(ValueError, match="'mass' or 'edges'"):
        TransportTargets(4, SIZE, (0, 3), moves="pixels")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"blur": 0.0}, "blur"), ({"reach": -1.0}, "reach"), ({"edge": 0.0}, "edge"), ({"smoothing": -1.0}, "smoothing")],
)
def test_bad_widths(change, message):
    with pytest.raises(ValueError, match=message):
        warped_frames(walk(), (0, 3), **change)


def test_values_that_are_not_finite():
    film = walk()
    film[0, 3, 3] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        warped_frames(film, (0, 3))


def test_each_pair_is_moved_by_itself_however_bright_others_are():
    film = walk() * torch.tensor([0.05, 0.05, 1.0, 2.0]).double()[:, None, None]
    pairs = [(2, 3), (0, 1), (1, 3)]
    together = edge_displacements(film, pairs, tol=1e-7)
    for k, pair in enumerate(pairs):
        for all_of_them, alone in zip(together, edge_displacements(film, [pair], tol=1e-7), strict=True):
            torch.testing.assert_close(all_of_them[k], alone[0], rtol=0, atol=1e-4)


def test_a_film_may_brighten_without_harm_to_its_dark_frames():
    film = torch.cat([0.05 * walk(), walk()])
    found = warped_frames(film, (0, 3, 4, 7))
    torch.testing.assert_close(
        found[:4], 0.05 * warped_frames(walk(), (0, 3)), rtol=0, atol=1e-3 * float(film[0].max())
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda film: edge_displacements(film, []), ValueError, "pairs must be at least one"),
        (lambda film: edge_displacements(film, [(0, 4)]), ValueError, "of the frames 0 to 3"),
        (lambda film: edge_displacements(film + 0j, [(0, 1)]), TypeError, r"film.abs\(\)"),
        (lambda film: edge_displacements(film[0], [(0, 1)]), TypeError, r"tensor \(t, y, x\)"),
        (lambda film: edge_displacements(film / 0, [(0, 1)]), ValueError, "not finite"),
        (lambda film: warped_frames(film.tolist(), (0, 3)), TypeError, r"tensor \(t, y, x\)"),
    ],
)
def test_bad_films_and_pairs_name_the_fix(call, error, message):
    with pytest.raises(error, match=message):
        call(walk())


def test_no_gradient_is_asked_of_edges():
    forth, _ = edge_displacements(walk().requires_grad_(), [(0, 1)])
    assert not forth.requires_grad
