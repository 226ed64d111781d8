"""A real brain slice, 12.66 % of k-space, against the reference from all of it."""

import os
from pathlib import Path

import pytest
import torch

from otrecon.data.cfl import load_cfl
from otrecon.metrics import nrmse
from otrecon.mri import CartesianMRI, cg_sense, espirit, l1_wavelet, total_variation, zero_filled

FOLDER = Path(os.environ.get("OTRECON_DATA", "")) / "brain-poisson"


@pytest.mark.realdata
@pytest.mark.skipif(
    not (FOLDER / "img.cfl").exists(), reason="OTRECON_DATA does not name a folder with brain-poisson/img.cfl, ksp.cfl"
)
def test_each_method_halves_the_error_of_the_zero_filled_image():
    kdata = load_cfl(FOLDER / "ksp", squeeze=True).data
    reference = load_cfl(FOLDER / "img", squeeze=True).data[0].abs()
    kdata, reference = kdata / kdata.abs().max(), reference / reference.max()
    head = reference > 0.05

    def error(image):
        # Magnitudes after the best common factor: the maps of the reference fixed another phase and another scale.
        magnitude = image.abs()
        factor = (magnitude * reference)[head].sum() / magnitude[head].square().sum()
        return float(nrmse(factor * magnitude, reference, mask=head))

    operator = CartesianMRI((kdata != 0).any(0), espirit(kdata, calibration=20))
    results = {
        "cg_sense": cg_sense(operator, kdata, regularisation=0.02, tolerance=1e-5),
        "l1_wavelet": l1_wavelet(operator, kdata, weight=2e-4, tolerance=2e-4),
        "total_variation": total_variation(operator, kdata, weight=1.5e-3, tolerance=3e-4),
    }
    errors = {name: error(result.image) for name, result in results.items()}
    baseline = error(zero_filled(operator, kdata).image)
    assert all(result.converged for result in results.values())
    assert 0.15 < baseline < 0.22
    assert max(errors.values()) < 0.4 * baseline
    # Sparsity beats least squares here, and both priors are near each other.
    assert max(errors["l1_wavelet"], errors["total_variation"]) < 0.95 * errors["cg_sense"]
    # The control: without maps the coils' sum has nothing to unfold with.
    control = CartesianMRI(operator.mask, torch.full_like(operator.smaps, 8**-0.5))
    assert error(cg_sense(control, kdata, regularisation=0.02, tolerance=1e-5).image) > 3 * errors["cg_sense"]
