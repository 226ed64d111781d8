"""The largest side lobe, against patterns whose point spread function is known in closed form."""

import math

import pytest
import torch

from otrecon.mri import CartesianMRI, equispaced_lines, peak_side_lobe, point_spread


@pytest.mark.parametrize("acceleration", [2, 4, 6])
def test_the_ghosts_of_a_lattice_are_as_bright_as_the_object(acceleration):
    mask = equispaced_lines((9, 24), acceleration, center_share=0).mask
    psf = point_spread(CartesianMRI(mask), dtype=torch.complex128)
    assert peak_side_lobe(psf) == pytest.approx(1, abs=1e-12)


def test_centre_lines_have_the_side_lobes_of_the_dirichlet_kernel():
    lines, n = 7, 60
    mask = torch.zeros(5, n, dtype=torch.bool)
    mask[:, n // 2 - lines // 2 : n // 2 + lines // 2 + 1] = True
    psf = point_spread(CartesianMRI(mask), dtype=torch.complex128)

    def dirichlet(x):
        return abs(math.sin(math.pi * lines * x / n) / (lines * math.sin(math.pi * x / n)))

    # The first zero lies at n / lines = 8.6 pixels: without it only the shoulder of the main lobe is seen.
    assert peak_side_lobe(psf) == pytest.approx(dirichlet(1), abs=1e-12)
    expected = max(dirichlet(x) for x in range(9, n // 2 + 1))
    assert peak_side_lobe(psf, main_lobe=8) == pytest.approx(expected, abs=1e-12)


def test_a_single_side_lobe_counts_on_either_side_of_the_rim_of_the_main_lobe():
    psf = torch.zeros(7, 8)
    psf[3, 4], psf[3, 6], psf[0, 4] = 2.0, -1.0, 0.5
    assert peak_side_lobe(psf, main_lobe=1) == 0.5
    assert peak_side_lobe(psf, main_lobe=2) == 0.25


@pytest.mark.parametrize(
    ("psf", "main_lobe", "error", "says"),
    [
        ([1.0], 0, TypeError, "torch tensor"),
        (torch.ones(2, 3, 3), 0, ValueError, "image"),
        (torch.zeros(3, 3), 0, ValueError, "zero at its centre"),
        (torch.ones(3, 3), -1, ValueError, "0 or more"),
        (torch.ones(4, 4), 2, ValueError, "nothing is left"),
    ],
)
def test_bad_input(psf, main_lobe, error, says):
    with pytest.raises(error, match=says):
        peak_side_lobe(psf, main_lobe=main_lobe)
