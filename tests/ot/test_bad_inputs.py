"""What cannot be answered is refused, with words that name the way out: every message is matched on them."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch

from otrecon.ot import Convolution, Dense, Grid, barycenter, sinkhorn, sinkhorn_divergence
from tests.ot.conftest import NO_GPU
from tests.ot.reference import random_measures

SHAPE = (5, 6)
GRID = Grid(SHAPE)
ENTRIES = pytest.mark.parametrize("entry", [sinkhorn, sinkhorn_divergence])


def pair():
    return list(random_measures(2, *SHAPE, seed=1))


def three():
    return random_measures(3, *SHAPE, seed=2)


def negative(x):
    x = x.clone()
    x[2, 3] = -1e-6
    return x


def broken(x, value):
    x = x.clone()
    x[0, 0] = value
    return x


MEASURES = {
    "an array": (lambda x: x.numpy(), TypeError, "torch.as_tensor makes one"),
    "a list": (lambda x: x.tolist(), TypeError, "torch.stack makes one of several"),
    "complex": (lambda x: x + 0j, TypeError, "to_measure takes the modulus"),
    "integers": (lambda x: (100 * x).long(), TypeError, r"\.to\(torch.float64\)"),
    "half precision": (lambda x: x.half(), TypeError, r"\.to\(torch.float64\)"),
    "booleans": (lambda x: x > 0, TypeError, r"\.to\(torch.float64\)"),
    "negative": (negative, ValueError, "clip them if they are noise, or move the positive and the negative part apart"),
    "NaN": (lambda x: broken(x, math.nan), ValueError, "NaN or infinity; mend the image"),
    "infinite": (lambda x: broken(x, math.inf), ValueError, "NaN or infinity; mend the image"),
    "empty of mass": (lambda x: 0 * x, ValueError, "holds no mass"),
    "more mass than fits": (lambda x: torch.full_like(x, 1e308), ValueError, "divide it by its largest value"),
    "too much mass": (lambda x: 1e60 * x, ValueError, "to_measure normalises, or change the unit"),
    "too little mass": (lambda x: 1e-60 * x, ValueError, "to_measure normalises, or change the unit"),
    "transposed": (lambda x: x.T, ValueError, r"shape \(6, 5\), the geometry \(5, 6\): the last 2 axes must be equal"),
    "flat": (lambda x: x.flatten(), ValueError, "the last 2 axes must be equal"),
    "a row": (lambda x: x[0], ValueError, "the last 2 axes must be equal"),
    "an empty batch": (lambda x: x.expand(0, 5, 6), ValueError, "the batch is empty"),
}


@ENTRIES
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("kind", list(MEASURES))
def test_what_is_no_measure(entry, side, kind):
    change, error, message = MEASURES[kind]
    measures = pair()
    measures[side] = change(measures[side])
    with pytest.raises(error, match=message) as refusal:
        entry(*measures, GRID, blur=1.0)
    assert str(refusal.value).startswith("ab"[side] + " ")


@pytest.mark.parametrize("kind", list(MEASURES))
def test_what_is_no_measure_to_average(kind):
    change, error, message = MEASURES[kind]
    measures = three()
    bad = change(measures[1])
    if isinstance(bad, torch.Tensor) and bad.shape == SHAPE:
        bad = torch.stack([measures[0].to(bad.dtype) if not bad.is_complex() else measures[0] + 0j, bad])
    with pytest.raises(error, match=message):
        barycenter(bad, GRID, blur=1.0)


PAIRS = {
    "other masses": (lambda a, b: (a, 1.01 * b), ValueError, "normalise both with to_measure, or give reach="),
    "masses apart by more than rounding": (
        lambda a, b: (a, (1 + 1e-7) * b),
        ValueError,
        "normalise both with to_measure",
    ),
    "one of a batch": (lambda a, b: (torch.stack([a, a]), torch.stack([b, 2 * b])), ValueError, "mass 1 and b 2"),
    "two dtypes": (lambda a, b: (a, b.float()), TypeError, "bring them to one dtype and device"),
    "batches": (
        lambda a, b: (a.expand(2, 5, 6), b.expand(3, 5, 6)),
        ValueError,
        r"\(2,\) and \(3,\), do not broadcast",
    ),
}


@ENTRIES
@pytest.mark.parametrize("kind", list(PAIRS))
def test_what_is_no_pair(entry, kind):
    change, error, message = PAIRS[kind]
    with pytest.raises(error, match=message):
        entry(*change(*pair()), GRID, blur=1.0)


SETTINGS = {
    "no blur": ({"blur": 0}, ValueError, "blur must be positive"),
    "negative blur": ({"blur": -1.0}, ValueError, "blur must be positive"),
    "NaN for a blur": ({"blur": math.nan}, ValueError, "blur must be positive and finite"),
    "infinite blur": ({"blur": math.inf}, ValueError, "blur must be positive and finite"),
    "a word for a blur": ({"blur": "1"}, TypeError, "blur must be a number, got str"),
    "a tensor for a blur": ({"blur": torch.tensor(1.0)}, TypeError, "blur must be a number, got a tensor"),
    "a truth for a blur": ({"blur": True}, TypeError, "blur must be a number, got bool"),
    "None for a blur": ({"blur": None}, TypeError, "blur must be a number, got NoneType"),
    "a blur too large": ({"blur": 1e9}, ValueError, r"Use blur=\S+ or less"),
    "a blur too small": ({"blur": 1e-5}, ValueError, r"Use blur=\S+ or more, or emd for no blur at all"),
    "a blur beyond squares": ({"blur": 1e60}, ValueError, "change the unit"),
    "no reach": ({"reach": 0.0}, ValueError, "reach must be positive"),
    "negative reach": ({"reach": -2.0}, ValueError, "reach must be positive"),
    "infinite reach": ({"reach": math.inf}, ValueError, "leave reach out, or give None"),
    "NaN for a reach": ({"reach": math.nan}, ValueError, "reach must be positive and finite"),
    "a reach beyond squares": ({"reach": 1e60}, ValueError, "change the unit"),
    "a list for a reach": ({"reach": [1.0]}, TypeError, "reach must be a number, got list"),
    "no tolerance": ({"tol": 0}, ValueError, "tol must be positive"),
    "negative tolerance": ({"tol": -1e-3}, ValueError, "tol must be positive"),
    "NaN for a tolerance": ({"tol": math.nan}, ValueError, "tol must be positive and finite"),
    "a word for a tolerance": ({"tol": "small"}, TypeError, "tol must be a number, got str"),
    "no iterations": ({"max_iterations": 0}, ValueError, "at least 1"),
    "half an iteration": ({"max_iterations": 10.5}, TypeError, "max_iterations must be an integer, got float"),
    "a truth for iterations": ({"max_iterations": True}, TypeError, "max_iterations must be an integer, got bool"),
}


@pytest.mark.parametrize("entry", [sinkhorn, sinkhorn_divergence, barycenter])
@pytest.mark.parametrize("kind", list(SETTINGS))
def test_what_is_no_setting(entry, kind):
    changed, error, message = SETTINGS[kind]
    measures = (three(),) if entry is barycenter else pair()
    with pytest.raises(error, match=message):
        entry(*measures, GRID, **{"blur": 1.0, **changed})


@pytest.mark.parametrize("entry", [sinkhorn, sinkhorn_divergence, barycenter])
@pytest.mark.parametrize("number", [np.float16, np.float32, np.float64, Fraction, int])
def test_numbers_of_every_kind_are_numbers(entry, number):
    measures = (three(),) if entry is barycenter else pair()
    settings = {"tol": 1e-3, "max_iterations": np.int64(200)}
    found = entry(*measures, GRID, blur=number(2), reach=number(300), **settings)
    plain = entry(*measures, GRID, blur=2.0, reach=300.0, **settings)
    torch.testing.assert_close(getattr(found, "value", found.error), getattr(plain, "value", plain.error))


@pytest.mark.parametrize("entry", [sinkhorn, sinkhorn_divergence, barycenter])
@pytest.mark.parametrize("geometry", [SHAPE, None, torch.ones(30, 30), "grid", Grid], ids=str)
def test_what_is_no_geometry(entry, geometry):
    measures = (three(),) if entry is barycenter else pair()
    with pytest.raises(TypeError, match="geometry must be a Grid, Convolution or Dense"):
        entry(*measures, geometry, blur=1.0)


def test_settings_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        sinkhorn(*pair(), GRID, 1.0)
    with pytest.raises(TypeError, match="blur"):
        sinkhorn(*pair(), GRID)
    with pytest.raises(TypeError, match="epsilon"):
        sinkhorn(*pair(), GRID, blur=1.0, epsilon=0.1)


# Barycenters


AVERAGES = {
    "one image": ({"measures": three()[0]}, ValueError, "torch.stack makes it"),
    "other masses": ({"measures": torch.cat([three(), 2 * three()])}, ValueError, "give reach="),
    "words for weights": ({"weights": ["a", "b", "c"]}, TypeError, "a tensor, an array or a list of numbers"),
    "one number for weights": ({"weights": 0.3}, ValueError, "one weight for each"),
    "integer weights": ({"weights": torch.tensor([1, 0, 0])}, TypeError, r"weights.to\(torch.float64\)"),
    "too few weights": ({"weights": torch.tensor([0.5, 0.5])}, ValueError, "one weight for each"),
    "weights of another batch": (
        {"measures": three().expand(2, 3, *SHAPE), "weights": torch.full((4, 3), 1 / 3)},
        ValueError,
        "do not broadcast",
    ),
    "one weight for all": ({"weights": torch.tensor([1.0])}, ValueError, "one weight for each"),
    "a number for weights": ({"weights": torch.tensor(1 / 3)}, ValueError, "one weight for each"),
    "negative weights": ({"weights": torch.tensor([0.7, 0.7, -0.4])}, ValueError, "at least 0"),
    "NaN for a weight": ({"weights": torch.tensor([0.5, 0.5, math.nan])}, ValueError, "finite and at least 0"),
    "weights of sum 3": ({"weights": torch.ones(3)}, ValueError, "add up to 1, got a sum of 3: divide by it"),
    "a reach without debiasing": ({"reach": 2.0, "debiased": False}, ValueError, "leave debiased=False out"),
    "a tensor to start from": ({"initial": three()[0]}, TypeError, "result of an earlier barycenter"),
    "a start of other measures": (
        {"initial": barycenter(three()[:2], GRID, blur=2.0, debiased=False)}, ValueError, "Leave initial out",
    ),
    "a start of another grid": (
        {"initial": barycenter(random_measures(3, 6, 5), Grid((6, 5)), blur=2.0, debiased=False)},
        ValueError,
        "Leave initial out",
    ),
    "a cost with a direction": (
        {"geometry": Convolution(SHAPE, [torch.abs, lambda x: x.clamp(min=0)])}, ValueError, "is not symmetric",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(AVERAGES))
def test_what_cannot_be_averaged(kind):
    changed, error, message = AVERAGES[kind]
    arguments = {"measures": three(), "geometry": GRID, "blur": 1.0, **changed}
    with pytest.raises(error, match=message):
        barycenter(arguments.pop("measures"), arguments.pop("geometry"), **arguments)


# Geometries


def rising(*steps):
    return sum(steps)


GEOMETRIES = {
    "no axes": (lambda: Grid(()), ValueError, "1 to 3 positive integers"),
    "four axes": (lambda: Grid((2, 2, 2, 2)), ValueError, "leading axes of a measure are its batch"),
    "a size of zero": (lambda: Grid((4, 0)), ValueError, "1 to 3 positive integers"),
    "a negative size": (lambda: Grid((-4,)), ValueError, "1 to 3 positive integers"),
    "half a pixel": (lambda: Grid((4.5, 3)), TypeError, "must be integers"),
    "a number for a shape": (lambda: Grid(64), TypeError, r"such as \(64, 64\), got int"),
    "an image for a shape": (lambda: Grid(torch.ones(4, 4)), TypeError, r"got a tensor of shape \(4, 4\)"),
    "a word for a shape": (lambda: Grid("64"), TypeError, r"such as \(64, 64\)"),
    "truths for a shape": (lambda: Grid((True, 3)), TypeError, "must be integers"),
    "no spacing": (lambda: Grid((4, 4), 0), ValueError, "spacing must be positive"),
    "negative spacing": (lambda: Grid((4, 4), (1.0, -1.0)), ValueError, "spacing must be positive"),
    "NaN for a spacing": (lambda: Grid((4,), math.nan), ValueError, "spacing must be positive and finite"),
    "spacings missing": (lambda: Grid((4, 4, 4), (1.0, 2.0)), ValueError, "give one number, or one for each axis"),
    "a tensor for a spacing": (lambda: Grid((4, 4), torch.ones(2)), TypeError, "a number, or one for each axis"),
    "a spacing beyond squares": (lambda: Grid((4, 4), 1e60), ValueError, "change the unit"),
    "a number for a cost": (lambda: Convolution((4, 4), 2.0), TypeError, "a function of the displacements"),
    "numbers for costs": (lambda: Convolution((4, 4), [1, 2]), TypeError, "a sequence of functions, one for each axis"),
    "costs missing": (lambda: Convolution((4, 4), [torch.abs]), ValueError, "give one for each axis"),
    "negative costs": (lambda: Convolution((4, 4), rising), ValueError, "at least 0 for every displacement"),
    "infinite costs": (lambda: Convolution((4, 4), lambda y, x: 1 / (y**2 + x**2)), ValueError, "must be finite"),
    "complex costs": (lambda: Convolution((4, 4), lambda y, x: 1j * y * x), TypeError, "must return real numbers"),
    "a cost of another shape": (lambda: Convolution((4, 4), lambda *_: torch.ones(3)), ValueError, "number by number"),
    "a cost that is no tensor": (lambda: Convolution((4, 4), lambda *_: 1.0), TypeError, "must return a tensor"),
    "an array of costs": (lambda: Dense(np.ones((3, 3))), TypeError, "torch.as_tensor"),
    "a row of costs": (lambda: Dense(torch.ones(3)), ValueError, r"a matrix \(sources, targets\)"),
    "no costs at all": (lambda: Dense(torch.ones(0, 3)), ValueError, r"a matrix \(sources, targets\)"),
    "a forbidden move": (
        lambda: Dense(torch.tensor([[0.0, math.inf]])), ValueError, "a forbidden move gets a large finite cost",
    ),
    "whole costs": (lambda: Dense(torch.ones(3, 3, dtype=torch.int64)), TypeError, r"cost.to\(torch.float64\)"),
    "costs to be learned": (lambda: Dense(torch.ones(3, 3, requires_grad=True)), ValueError, r"cost.detach\(\)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(GEOMETRIES))
def test_what_is_no_place(kind):
    build, error, message = GEOMETRIES[kind]
    with pytest.raises(error, match=message):
        build()


# What is allowed, beside what is not


def test_what_looks_odd_and_is_fine():
    a, b = pair()
    for x, y in ((a, b.T.contiguous().T), (a.expand(3, 5, 6), b), (a[None], b), (-0.0 + a, b)):
        assert bool(sinkhorn(x, y, GRID, blur=1).converged.all())
    assert bool(sinkhorn(a, b, Grid(list(SHAPE), [1, 2]), blur=np.float64(1.0), reach=3).converged)
    assert bool(sinkhorn(a, (1 + 1e-10) * b, GRID, blur=1.0).converged)
    assert bool(barycenter(three(), GRID, blur=1.0, weights=torch.tensor([1, 1, 1]) / 3, tol=1e-3).converged)


def test_no_input_leads_to_a_warning_of_torch():
    a, b = pair()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sinkhorn(a.requires_grad_(), b.requires_grad_(), GRID, blur=1.0, reach=2.0).value.backward()
        sinkhorn_divergence(a, b, GRID, blur=1.0).value.backward()


@pytest.mark.cuda
@NO_GPU
def test_two_devices_are_refused():
    a, b = pair()
    for entry in (sinkhorn, sinkhorn_divergence):
        with pytest.raises(TypeError, match="bring them to one dtype and device"):
            entry(a, b.cuda(), GRID, blur=1.0)
    with pytest.raises(TypeError, match="bring them to one device"):
        barycenter(three().cuda(), GRID, blur=1.0, weights=torch.full((3,), 1 / 3))
