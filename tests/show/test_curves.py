"""Named curves: what is drawn is what was given, and what cannot be drawn is said."""

import matplotlib as mpl
import numpy as np
import pytest
import torch

from otrecon import show


@pytest.fixture(autouse=True)
def _own_settings():
    with mpl.rc_context():
        yield


def test_each_curve_is_drawn_from_its_own_numbers():
    x, y = torch.logspace(-2, 1, 5), torch.arange(1.0, 6.0)
    figure = show.curves(
        {"own": (x, y), "TV": [3, 1, 4, 1, 5], "dotted": y**2},
        x=np.arange(1, 6), title="A finding", xlabel="x / px", ylabel="y", log="xy", dots=["dotted"],
        colours={"own": "blue", "dotted": show.MUTED}, points=[(2, 9, "here"), (3, 3)], ylim=(0.5, 50),
    )  # fmt: skip
    (ax,) = figure.axes
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["own"].get_xydata(), np.stack([x, y], 1))
    np.testing.assert_allclose(lines["TV"].get_xydata(), np.stack([range(1, 6), [3, 1, 4, 1, 5]], 1))
    np.testing.assert_allclose(lines["dotted"].get_xydata(), np.stack([range(1, 6), y**2], 1))
    assert [lines[name].get_color() for name in ("own", "TV", "dotted")] == [
        show.PALETTE["blue"],
        show.METHOD_COLOURS["TV"],
        show.MUTED,
    ]
    assert [lines[name].get_marker() for name in ("own", "TV", "dotted")] == ["None", "None", "o"]
    assert [line.get_xydata()[0].tolist() for line in ax.lines if line.get_color() == show.ACCENT] == [[2, 9], [3, 3]]
    assert [text.get_text() for text in ax.texts] == ["here"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["own", "TV", "dotted"]
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylim()) == ("log", "log", (0.5, 50))
    assert ax.get_title(loc="left") == "A finding"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x / px", "y")


def test_a_single_curve_needs_no_legend_and_counts_from_zero():
    (ax,) = show.curves({"only": torch.tensor([2.0, 4.0], requires_grad=True)}).axes
    assert ax.get_legend() is None
    assert ax.lines[0].get_xydata().tolist() == [[0, 2], [1, 4]]


def test_a_short_logarithmic_axis_has_plain_ticks():
    figure = show.curves({"only": ([1, 10, 10000], [0.3, 7, 20])}, log="xy")
    figure.draw_without_rendering()
    (ax,) = figure.axes
    low, high = ax.get_ylim()
    shown = [label.get_text() for label in ax.get_yticklabels() if low <= label.get_position()[1] <= high]
    assert shown == ["0.5", "1", "2", "5", "10", "20"]
    assert any("10^" in label.get_text() for label in ax.get_xticklabels())


def test_it_becomes_a_picture():
    alt = "A curve that rises from two to four."
    assert "<svg" in show.figure(show.curves({"only": [2, 4]}), alt=alt).html()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (({},), ValueError, "no curve"),
        (({"a": [1, 2]}, {"log": "z"}), ValueError, "log is 'z'"),
        (({"a": [1, 2]}, {"dots": ["b"]}), ValueError, "dots names b; the curves are a"),
        (({"a": [1, 2]}, {"colours": {"b": "blue"}}), ValueError, "colours names b"),
        (({"a": ([1, 2], [1, 2], [1, 2])},), ValueError, "tuple of 3"),
        (({"a": ([1, 2, 3], [1, 2])},), ValueError, "3 x values and 2 y values"),
        (({"a": [[1, 2]]},), ValueError, r"shape \(1, 2\); a curve has one axis"),
        (({"a": [1j, 2]},), TypeError, "complex"),
        (({"a": [0, 2]}, {"log": "y"}), ValueError, "y values that are not positive"),
        (({"a": [1, 2]}, {"log": "x"}), ValueError, "x values that are not positive"),
        (({"a": [1, float("nan")]},), ValueError, "NaN"),
    ],
)
def test_errors_name_the_problem(arguments, error, message):
    series, *options = arguments
    with pytest.raises(error, match=message):
        show.curves(series, **(options[0] if options else {}))
