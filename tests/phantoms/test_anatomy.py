"""Brain, heart and phases: tissues that do not mix, contrasts of one anatomy, a cycle that closes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from otrecon.phantoms import (
    BRAIN_TISSUES,
    CARDIAC_INTENSITIES,
    PD_WEIGHTED,
    T1_WEIGHTED,
    T2_WEIGHTED,
    PhantomSequence,
    SpinEcho,
    Tissue,
    brain_phantom,
    cardiac_phantom,
    heart_at,
    ring_coils,
    shepp_logan,
    smooth_phase,
)
from tests.phantoms.helpers import point_image, tissues_mix


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3])
def test_tissues_of_the_brain_do_not_mix(seed):
    generator = None if seed is None else seeded(seed)
    phantom = brain_phantom(T2_WEIGHTED, generator=generator, lesions=6)
    signals = [T2_WEIGHTED.signal(tissue) for tissue in BRAIN_TISSUES.values()]
    assert tissues_mix(phantom, signals) == 0.0
    # The check sees an overlap where there is one.
    assert tissues_mix(brain_phantom(T1_WEIGHTED, lesions=6), signals) > 0.2


def test_one_brain_in_two_contrasts():
    first, second = (brain_phantom(s, generator=seeded(7)) for s in (T1_WEIGHTED, T2_WEIGHTED))
    shapes = [[(e.centre, e.semi_axes, e.angle) for e in phantom.ellipses] for phantom in (first, second)]
    assert shapes[0] == shapes[1]
    assert first != second
    assert shapes[0] != [(e.centre, e.semi_axes, e.angle) for e in brain_phantom(generator=seeded(8)).ellipses]
    assert brain_phantom() == brain_phantom()


def test_contrast_is_that_of_the_clinic():
    t1, t2 = ({name: s.signal(tissue) for name, tissue in BRAIN_TISSUES.items()} for s in (T1_WEIGHTED, T2_WEIGHTED))
    assert t1["fat"] > t1["white"] > t1["grey"] > t1["fluid"]
    assert t2["fluid"] > t2["lesion"] > t2["grey"] > t2["white"] > t2["bone"]
    assert PD_WEIGHTED.signal(BRAIN_TISSUES["grey"]) > PD_WEIGHTED.signal(BRAIN_TISSUES["white"])


def test_spin_echo_signal():
    """After ln 2 of both relaxation times half has recovered and half has decayed."""
    tissue = Tissue(0.8, 1000.0, 50.0)
    assert SpinEcho(1000 * math.log(2), 50 * math.log(2)).signal(tissue) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="echo before the repetition"):
        SpinEcho(10.0, 20.0).signal(tissue)


def test_brain_refusals():
    with pytest.raises(ValueError, match="at most 6"):
        brain_phantom(lesions=7)
    with pytest.raises(ValueError, match="No intensity for bone, fat"):
        brain_phantom(tissues={n: t for n, t in BRAIN_TISSUES.items() if n not in ("fat", "bone")})


def test_lesions_are_counted():
    none, three = brain_phantom(lesions=0), brain_phantom(lesions=3)
    assert len(three.ellipses) == len(none.ellipses) + 3


@pytest.mark.parametrize("ejection", [0.0, 0.6, 0.8])
def test_tissues_of_the_heart_do_not_mix(ejection):
    for phase in np.arange(8) / 8:
        assert tissues_mix(heart_at(phase, ejection=ejection), CARDIAC_INTENSITIES.values(), points=401) == 0.0


def ventricle(phantom):
    """Radii of the left ventricle: its wall and cavity are the only two concentric discs."""
    discs = [e for e in phantom.ellipses if e.semi_axes[0] == e.semi_axes[1]]
    wall, cavity = next((a, b) for a in discs for b in discs if a.centre == b.centre and a.intensity < 0 < b.intensity)
    return wall.semi_axes[0], cavity.semi_axes[0]


def test_the_wall_thickens_and_keeps_its_area():
    radii = np.array([ventricle(heart_at(phase)) for phase in np.arange(100) / 100])
    areas = math.pi * (radii[:, 0] ** 2 - radii[:, 1] ** 2)
    assert np.ptp(areas) < 1e-15
    cavity = radii[:, 1] ** 2 / radii[0, 1] ** 2
    assert cavity.min() == pytest.approx(0.4, abs=1e-3)
    assert cavity.argmin() == 37
    assert np.all(np.diff(cavity[:38]) < 0)
    assert np.all(np.diff(cavity[37:]) > 0)


def test_the_cycle_closes_smoothly():
    assert heart_at(0.3) == heart_at(0.3)
    first, again = heart_at(0.25), heart_at(5.25)
    assert first == again
    near_end, start = heart_at(1 - 1e-6), heart_at(0.0)
    for before, after in zip(near_end.ellipses, start.ellipses, strict=True):
        assert np.abs(np.subtract(before.centre, after.centre)).max() < 1e-9
        assert np.abs(np.subtract(before.semi_axes, after.semi_axes)).max() < 1e-9


def test_a_sequence_is_its_frames():
    sequence, coils = cardiac_phantom(3), ring_coils(2)
    assert len(sequence) == 3
    images = sequence.image((20, 24))
    assert images.shape == (3, 20, 24)
    assert torch.equal(images[1], heart_at(1 / 3).image((20, 24)))
    assert float((images[1] - images[0]).abs().max()) > 0.1
    trajectories = torch.randn(3, 2, 7, generator=seeded(0))
    kspace = sequence.kspace(trajectories, (20, 24), coils=coils)
    assert kspace.shape == (3, 2, 7)
    assert torch.equal(kspace[2], heart_at(2 / 3).kspace(trajectories[2], (20, 24), coils=coils))
    assert torch.equal(sequence.kspace(trajectories[0], (20, 24))[1], heart_at(1 / 3).kspace(trajectories[0], (20, 24)))
    assert sequence.cartesian_kspace((20, 24)).shape == (3, 20, 24)
    assert sequence.cartesian_kspace((20, 24), coils=coils).shape == (3, 2, 20, 24)


def test_heart_refusals():
    with pytest.raises(ValueError, match="ejection must lie"):
        heart_at(0.0, ejection=0.9)
    with pytest.raises(ValueError, match="phase must be a finite"):
        heart_at(math.inf)
    with pytest.raises(ValueError, match="frames must be at least 1"):
        cardiac_phantom(0)
    with pytest.raises(TypeError, match="frames must be an int"):
        cardiac_phantom(2.0)
    with pytest.raises(ValueError, match="at least one frame"):
        PhantomSequence(())
    with pytest.raises(ValueError, match="2 trajectories for 3 frames"):
        cardiac_phantom(3).kspace(torch.zeros(2, 2, 5), (8, 8))


def test_smooth_phase_is_a_field_of_the_place_alone():
    coarse, fine = (smooth_phase(size, seeded(3), dtype=torch.float64) for size in ((16, 20), (64, 40)))
    assert torch.allclose(fine[::4, ::2], coarse, atol=1e-14)
    assert float(fine.abs().max()) <= math.pi / 2
    assert float(fine.std()) > 0.05
    assert not torch.equal(coarse, smooth_phase((16, 20), seeded(4), dtype=torch.float64))
    # A polynomial of degree 2 has no third difference.
    assert float(fine.diff(n=3, dim=0).abs().max()) < 1e-13
    assert float(fine.diff(n=2, dim=0).abs().max()) > 1e-6


def test_smooth_phase_refusals():
    with pytest.raises(ValueError, match="limit must be"):
        smooth_phase((8, 8), seeded(0), limit=0.0)
    with pytest.raises(ValueError, match="order must be"):
        smooth_phase((8, 8), seeded(0), order=-1)
    with pytest.raises(TypeError, match="real floating-point"):
        smooth_phase((8, 8), seeded(0), dtype=torch.complex64)


def test_air_is_zero_and_nothing_is_negative():
    phantoms = [brain_phantom(T2_WEIGHTED), heart_at(0.3), shepp_logan(), shepp_logan(modified=False)]
    for phantom in phantoms:
        image = phantom.image((50, 61), dtype=torch.float64)
        assert float(image.min()) == 0.0
        assert float(image[:2].abs().max()) == 0.0


def test_bone_is_dark_and_outside_is_air():
    values = point_image(brain_phantom(), (101, 101))
    assert values[0, 0] == 0.0
    assert values[50, 50 + round(0.66 * 50.5)] == pytest.approx(T1_WEIGHTED.signal(BRAIN_TISSUES["bone"]))


@pytest.mark.parametrize("sequence", ["T1", (500.0, 10.0)])
def test_the_name_of_a_contrast_is_no_sequence(sequence):
    with pytest.raises(TypeError, match=r"sequence must be a SpinEcho, got .*phantoms\.T1_WEIGHTED"):
        brain_phantom(sequence)
