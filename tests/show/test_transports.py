"""Plans and deliveries: what is drawn is the mass that was given."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from otrecon import show


@pytest.fixture(autouse=True)
def _own_settings():
    with mpl.rc_context():
        yield


def _plan():
    plan = np.array([[0.1, 0.3, 0.0], [0.0, 0.2, 0.4]])
    return plan, plan.sum(1), plan.sum(0)


def test_a_plan_stands_between_its_measures():
    plan, a, b = _plan()
    figure = show.coupling(torch.tensor(plan), a, b, x=[2.0, 4.0], y=[0.0, 0.5, 1.0], title="A finding", full=0.3)
    _, top, left, middle = figure.axes
    (image,) = middle.images
    opacity = image.get_array()[..., 3]
    np.testing.assert_allclose(opacity, np.sqrt(np.minimum(plan / 0.3, 1)), atol=1e-12)
    assert image.get_extent() == [-0.25, 1.25, 5, 1]
    for ax, measure, edges in ((top, b, [-0.25, 0.25, 0.75, 1.25]), (left, a, [1, 3, 5])):
        (patch,) = ax.patches
        np.testing.assert_allclose(patch.get_data().values, measure)
        np.testing.assert_allclose(patch.get_data().edges, edges)
    # The measures share the axes of the plan: same row, same column.
    assert middle.get_ylim() == left.get_ylim() == (5, 1)
    assert middle.get_xlim() == top.get_xlim() == (-0.25, 1.25)
    assert figure.get_suptitle() == "A finding"


def test_by_default_the_largest_entry_is_in_full_colour():
    plan, a, b = _plan()
    opacity = show.coupling(plan, a, b).axes[3].images[0].get_array()[..., 3]
    assert opacity.max() == opacity[1, 2] == 1


def test_parcels_are_lines_as_wide_as_their_mass():
    start, end, mass = [[0.0, 1], [2, 3], [4, 4]], [[1.0, 1], [2, 5], [0, 0]], [0.1, 0.4, 0.0]
    figure = show.deliveries(start, end, mass, widest=4, largest=100, limits=(-1, 6, -2, 7), width=5, height=3)
    assert figure.get_size_inches().tolist() == [5, 3]
    (ax,) = figure.axes
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[1, 0], [1, 1]], [[3, 2], [5, 2]]]
    assert [line.get_linewidth() for line in ax.lines] == [2, 4]
    sources, targets = ax.collections
    assert sources.get_sizes().tolist() == targets.get_sizes().tolist() == [25, 100, 0]
    assert [to_hex(marks.get_facecolor()[0]) for marks in (sources, targets)] == [
        show.PALETTE["blue"],
        show.PALETTE["orange"],
    ]
    assert ax.get_ylim() == (6, -1)
    assert ax.get_xlim() == (-2, 7)


def test_marks_of_their_own_share_one_scale():
    figure = show.deliveries(
        [[0.0, 0]], [[1.0, 1]], [1], sources=([[0.0, 0]], [2.0]), targets=([[1.0, 1], [2, 2]], [1.0, 0.5]), largest=80
    )
    (ax,) = figure.axes
    assert [marks.get_sizes().tolist() for marks in ax.collections] == [[80], [40, 20]]
    assert ax.yaxis_inverted()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"plan": np.ones((3, 2))}, ValueError, "between a and b"),
        ({"plan": -np.ones((2, 3))}, ValueError, "negative"),
        ({"plan": 1j * np.ones((2, 3))}, TypeError, "complex"),
        ({"a": [np.nan, 1]}, ValueError, "NaN"),
        ({"x": [0, 1, 2]}, ValueError, "evenly spaced"),
        ({"y": [0, 1, 3]}, ValueError, "evenly spaced"),
        ({"y": [2, 1, 0]}, ValueError, "increasing"),
    ],
)
def test_what_is_no_plan_is_refused(change, error, message):
    plan, a, b = _plan()
    with pytest.raises(error, match=message):
        show.coupling(**{"plan": plan, "a": a, "b": b, **change})


def test_parcels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        show.deliveries([[0.0, 0]], [[1.0, 1]], [1, 2])
    with pytest.raises(ValueError, match="negative"):
        show.deliveries([[0.0, 0]], [[1.0, 1]], [-1])
