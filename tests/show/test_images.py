"""A row of images shares one scale and says so; what cannot be shown honestly is refused."""

import base64
import io
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image

from otrecon import show

ALT = "Three versions of a small ramp beside each other."
RAMP = np.arange(30.0).reshape(5, 6)


def pngs(picture):
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", picture.html())
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in encoded]


def parse(html):
    return ET.fromstring(html)  # noqa: S314 - our own output


def text(picture):
    return " ".join("".join(parse(picture.html()).itertext()).split())


def test_one_scale_for_all():
    picture = show.images({"A": RAMP, "B": RAMP / 2}, alt=ALT, unit="mT")
    first, second = (np.asarray(image).astype(int) for image in pngs(picture))
    np.testing.assert_array_equal(first, np.rint(RAMP / 29 * 255))
    np.testing.assert_array_equal(second, np.rint(RAMP / 58 * 255))
    assert "Value, one scale for all: 0 29 mT" in text(picture)
    assert "clipped" not in text(picture)


def test_reference_sets_the_scale_and_clipping_is_said():
    picture = show.images({"reference": RAMP, "zero-filled": 2 * RAMP}, reference="reference", errors=False, alt=ALT)
    second = np.asarray(pngs(picture)[1]).astype(int)
    np.testing.assert_array_equal(second, np.rint(np.minimum(2 * RAMP / 29, 1) * 255))
    assert "beyond the ends: clipped" in text(picture)


def test_errors_at_one_stated_gain():
    noisy = RAMP + 0.5
    picture = show.images({"reference": RAMP, "TV": noisy}, reference="reference", error_gain=10, vmax=29.5, alt=ALT)
    assert len(pngs(picture)) == 3
    error = np.asarray(pngs(picture)[2].convert("RGB"))
    assert (error == error[0, 0]).all()
    assert "Error × 10: 0 2.95 a.u." in text(picture)
    assert "|image − reference|, brightened 10 times" in text(picture)
    automatic = show.images({"reference": RAMP, "TV": noisy}, reference="reference", alt=ALT)
    assert "Error × 50" in text(automatic)  # 0.5 * 50 = 25 fits below 29, 0.5 * 100 does not


def test_complex_error_sees_the_phase():
    turned = RAMP * np.exp(0.5j)
    maps = pngs(show.error_maps({"turned": turned, "same": RAMP + 0j}, RAMP + 0j, alt=ALT))
    spread = [len(np.unique(np.asarray(image))) for image in maps]
    assert spread[0] > 10
    assert spread[1] == 1


def test_metrics_and_marks_under_the_images():
    calls = []

    def worst(image, reference):
        calls.append((image is RAMP, reference is RAMP))
        return abs(image - reference).max()

    picture = show.images(
        {"reference": RAMP, "TV": RAMP + 1, "other": RAMP + 3},
        reference="reference",
        metrics={"largest error {:.1f} a.u.": worst},
        alt=ALT,
    )
    assert calls == [(False, True), (False, True)]
    assert "largest error 1.0 a.u." in text(picture)
    assert "largest error 3.0 a.u." in text(picture)
    assert picture.html().count("border-radius:50%") == 2  # the marks of reference and TV, none for "other"


def test_tensors_arrays_stacks_and_single_images():
    tensor = torch.tensor(RAMP, requires_grad=True)
    assert show.images(tensor, alt=ALT).html() == show.images(RAMP, alt=ALT).html()
    stack = show.images(torch.stack([tensor, tensor]), titles=["A", "B"], alt=ALT)
    assert stack.html() == show.images([RAMP, RAMP], titles=["A", "B"], alt=ALT).html()
    conjugate = torch.complex(tensor.detach(), tensor.detach()).conj()
    assert "Magnitude" in text(show.images(conjugate, alt=ALT))


def test_every_panel_has_a_name_and_the_row_has_the_alt():
    root = parse(show.images({"A": RAMP, "B": RAMP}, zoom=(1, 3, 2, 5), alt=ALT).html())
    labels = [e.attrib["aria-label"] for e in root.iter() if e.attrib.get("role") == "img"]
    assert labels == ["Panel 1 of 2: A", "Panel 1 of 2: A, enlarged", "Panel 2 of 2: B", "Panel 2 of 2: B, enlarged"]
    assert [e.attrib["aria-label"] for e in root.iter() if e.attrib.get("role") == "group"] == [ALT]


def test_zoom_shows_these_pixels():
    whole, part = pngs(show.images(RAMP, zoom=(1, 3, 2, 5), alt=ALT))
    np.testing.assert_array_equal(np.asarray(part), np.asarray(whole)[1:3, 2:5])


def test_kspace_is_in_decibel_with_its_axes():
    kdata = np.zeros((4, 5), dtype=complex)
    kdata[2, 2] = 10j
    kdata[0, 0] = 0.1
    picture = show.kspace(kdata, alt=ALT, floor=-80)
    pixels = np.asarray(pngs(picture)[0]).astype(int)
    assert pixels[2, 2] == 255
    assert pixels[0, 0] == round(255 * 0.5)  # 10 against 0.1: -40 dB, the middle of -80 to 0
    assert pixels[1, 1] == 0
    assert "Modulus: −80 0 dB" in text(picture)
    assert "−2 kx (cycles/FOV) 2" in text(picture)
    assert "1 ky (cycles/FOV) −2" in text(picture)
    assert f"{-math.pi:.2f}".replace("-", "−") in text(show.kspace(kdata, alt=ALT, k_unit="rad/voxel"))
    np.testing.assert_array_equal(np.asarray(pngs(show.kspace(0 * kdata, alt=ALT))[0]), 0)


def test_phase_is_cyclic_and_blank_where_there_is_no_signal():
    image = np.exp(1j * np.array([[-3.1415, 3.1415, 0.0, 1.0]])) * np.array([[1, 1, 1, 0.001]])
    pixels = np.asarray(pngs(show.phase(image, alt=ALT))[0].convert("RGBA")).astype(int)
    assert np.abs(pixels[0, 0] - pixels[0, 1]).max() <= 4
    assert np.abs(pixels[0, 0] - pixels[0, 2]).max() > 50
    assert pixels[0, :, 3].tolist() == [255, 255, 255, 0]
    assert "Phase: −π π rad" in text(show.phase(image, alt=ALT))


def test_complex_image_and_mask():
    assert "Magnitude" in text(show.complex_image(RAMP + 1j, alt=ALT))
    picture = show.mask(torch.eye(4).bool(), alt=ALT)
    np.testing.assert_array_equal(np.asarray(pngs(picture)[0]), 255 * np.eye(4))
    assert "25.0% sampled" in text(picture)


def test_signed_differences_are_symmetric():
    picture = show.error_maps([RAMP - 1, RAMP + 2], RAMP, signed=True, alt=ALT, unit="mT")
    assert "Difference, one scale for all: −2 2 mT" in text(picture)


def test_the_colour_bar_names_what_is_shown():
    html = show.row([show.panel(RAMP, kind="error", name="noise < signal", unit="")], alt=ALT).html()
    assert "Noise &lt; signal:" in html
    assert "Error:" not in html


def test_a_constant_image_is_shown():
    np.testing.assert_array_equal(np.asarray(pngs(show.images(np.zeros((3, 4)), alt=ALT))[0]), 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: show.images(RAMP, alt="short"), "alt is"),
        (lambda: show.images(np.full((2, 2), np.nan), alt=ALT), "4 of 4 values that are NaN"),
        (lambda: show.images([RAMP, RAMP.T], alt=ALT), "have shapes"),
        (lambda: show.images(RAMP[None, None], alt=ALT), "has shape"),
        (lambda: show.images([], alt=ALT), "no images"),
        (lambda: show.images([RAMP], titles=["a", "b"], alt=ALT), "1 images came with 2 titles"),
        (lambda: show.images([RAMP], captions=["a", "b"], alt=ALT), "1 images came with 2 captions"),
        (lambda: show.images({"A": RAMP}, titles=["A"], alt=ALT), "leave titles out"),
        (lambda: show.images({"A": RAMP}, reference="B", alt=ALT), "reference is 'B'"),
        (lambda: show.images([RAMP], metrics={"x": max}, alt=ALT), "give reference="),
        (lambda: show.images([RAMP], errors=True, alt=ALT), "errors=True needs reference"),
        (lambda: show.images([RAMP], reference=RAMP + 1, error_gain=0, alt=ALT), "must be positive"),
        (lambda: show.images([RAMP], reference=RAMP[:2], alt=ALT), "cannot be compared"),
        (lambda: show.images(RAMP, zoom=(0, 9, 0, 2), alt=ALT), "zoom is"),
        (lambda: show.images(RAMP, vmin=3, vmax=2, alt=ALT), "lower end must be below"),
        (lambda: show.images(RAMP, columns=0, alt=ALT), "columns is 0"),
        (lambda: show.kspace(RAMP, floor=3, alt=ALT), "floor of a k-space display is negative"),
        (lambda: show.kspace(RAMP, k_unit="1/m", alt=ALT), "allowed are"),
        (lambda: show.phase(RAMP, alt=ALT), "within -pi to pi"),
        (lambda: show.panel(RAMP, kind="photo"), "allowed are magnitude"),
    ],
)
def test_what_cannot_be_shown_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: show.complex_image(RAMP, alt=ALT), "image is real"),
        (lambda: show.panel(RAMP + 1j, kind="difference"), "real part or the modulus"),
        (lambda: show.panel([["a", "b"]]), "numbers are needed"),
        (lambda: show.row([RAMP], alt=ALT), "made by show.panel"),
    ],
)
def test_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_a_panel_that_stands_alone_carries_the_alt_text_itself():
    alt = "One bright pixel in the middle of a dark image"
    html = show.images(np.eye(3), alt=alt).html()
    assert html.count(f'aria-label="{alt}"') == 2
    assert "Panel 1 of 1" not in html
