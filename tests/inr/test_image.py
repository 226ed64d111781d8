"""An image as a network: its data term both ways, and what it draws."""

import pytest
import torch

from otrecon.inr import ImageINR, LeastSquares, Siren, fit, frame_times
from otrecon.mri import CartesianFilm, CartesianMRI, RadialMRI, radial_trajectory
from otrecon.operators import Matrix
from otrecon.phantoms import ring_coils, shepp_logan
from tests.laws import randn, relative

SIZE = (24, 20)


def radial(coils=3):
    return RadialMRI(radial_trajectory(9, 32), SIZE, ring_coils(coils).maps(SIZE, dtype=torch.complex64))


def cartesian():
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[::2] = True
    return CartesianMRI(mask, ring_coils(3).maps(SIZE, dtype=torch.complex64))


@pytest.mark.parametrize("make", [radial, cartesian])
@pytest.mark.parametrize("frames", [(), (2,)])
def test_through_the_gram_it_is_the_same_term(make, frames):
    operator = make()
    data = operator(randn((*frames, *operator.domain), seed=1, dtype=torch.complex64))
    results = []
    for gram in (True, False):
        image = randn((*frames, *operator.domain), seed=2, dtype=torch.complex64).requires_grad_()
        value = LeastSquares(operator, data, gram=gram)(image)
        (3 * value).backward()
        results.append((value.detach(), image.grad))
    assert float(results[0][0]) == pytest.approx(float(results[1][0]), rel=1e-5)
    assert relative(results[0][1] - results[1][1], results[1][1]) <= 1e-5


def test_the_term_is_the_residual_relative_to_the_data():
    matrix = Matrix(randn((5, 3), seed=3))
    x, y = randn((3,), seed=4), randn((5,), seed=5)
    expected = float((matrix.matrix @ x - y).abs().square().sum() / y.abs().square().sum())
    for gram in (True, False):
        assert float(LeastSquares(matrix, y, gram=gram)(x)) == pytest.approx(expected, rel=1e-12)
        assert torch.autograd.gradcheck(LeastSquares(matrix, y, gram=gram), x.clone().requires_grad_())


@pytest.mark.parametrize("gram", [True, False])
def test_its_gradient_can_be_differentiated(gram):
    matrix = Matrix(randn((5, 3), seed=3))
    x, y = randn((3,), seed=4).requires_grad_(), randn((5,), seed=5)
    term = LeastSquares(matrix, y, gram=gram)
    assert torch.autograd.gradgradcheck(term, x)


@pytest.mark.parametrize("gram", [True, False])
def test_real_images_and_data(gram):
    matrix = Matrix(randn((5, 3), seed=3, dtype=torch.float64))
    x, y = randn((3,), seed=4, dtype=torch.float64).requires_grad_(), randn((5,), seed=5, dtype=torch.float64)
    term = LeastSquares(matrix, y, gram=gram)
    expected = float((matrix.matrix @ x.detach() - y).square().sum() / y.square().sum())
    assert term(x).item() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(term, x)


def test_exact_data_leave_nothing():
    operator = cartesian()
    truth = randn(SIZE, seed=6, dtype=torch.complex128)
    term = LeastSquares(operator, operator(truth))
    assert abs(float(term(truth))) < 1e-12


def network(coordinates=2, seed=0):
    return Siren(coordinates, 32, 1, 2, omega_0=15.0, generator=torch.Generator().manual_seed(seed))


def test_an_image_is_its_pixels():
    image = ImageINR(network(), SIZE)
    whole = image().detach()
    assert whole.shape == SIZE
    assert whole.dtype == torch.complex64
    torch.testing.assert_close(image(torch.tensor([0, 21, 479])).detach(), whole.flatten()[[0, 21, 479]])
    torch.testing.assert_close(image.render(), whole)
    torch.testing.assert_close(image.render((48, 40))[::2, ::2], whole)


def test_it_has_the_precision_of_its_network_and_is_drawn_in_pieces(monkeypatch):
    image = ImageINR(network().double(), SIZE)
    assert image().dtype == torch.complex128
    monkeypatch.setattr("otrecon.inr.mlp.PIECE", 7)
    torch.testing.assert_close(image.render(), image().detach())


def test_a_film_has_moments_between_its_frames():
    film = ImageINR(network(3), SIZE, times=frame_times(3, end=0.5))
    frames = film().detach()
    assert frames.shape == (3, *SIZE)
    finer = film.render(times=frame_times(5, end=0.5))
    torch.testing.assert_close(finer[::2], frames)
    assert film.render((12, 10), times=frame_times(2, end=0.5)).shape == (2, 12, 10)


def test_it_is_fitted_to_measurements():
    operator, truth = cartesian(), shepp_logan().image(SIZE, dtype=torch.float32)
    data = operator(truth.to(torch.complex64))
    image = ImageINR(network(), SIZE)
    term = LeastSquares(operator, data)
    found = fit(image, lambda _: term(image()), 300, lr=3e-3)
    assert found.best_loss < 0.02


def test_its_magnitude_is_the_unit_of_the_image():
    one, other = (
        ImageINR(Siren(2, 8, 1, 2, generator=torch.Generator().manual_seed(0)), SIZE, magnitude=m) for m in (1.0, 50.0)
    )
    torch.testing.assert_close(other(), 50 * one())
    torch.testing.assert_close(other.render((7, 9)), 50 * one.render((7, 9)))
    with pytest.raises(ValueError, match="magnitude must be positive"):
        ImageINR(one.network, SIZE, magnitude=0.0)


def test_data_where_the_mask_says_that_there_are_none_are_refused():
    operator = cartesian()
    everything = randn(operator.range, seed=1, dtype=torch.complex64)
    film = CartesianFilm(torch.stack([operator.mask, operator.mask.flip(0)]))
    composed = operator @ operator.H @ operator
    of_film = randn(film.range, seed=2, dtype=torch.complex64)
    for one, data in ((operator, everything), (2 * operator, everything), (composed, everything), (film, of_film)):
        with pytest.raises(ValueError, match=r"give data \* mask"):
            LeastSquares(one, data)
    for one, data in ((operator, everything * operator.mask), (film, of_film * film.mask)):
        LeastSquares(one, data)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="this image needs 2 and 2"):
        ImageINR(network(3), SIZE)
    with pytest.raises(ValueError, match="needs 3 and 2"):
        ImageINR(network(2), SIZE, times=frame_times(4))
    with pytest.raises(TypeError, match="must be a LinearOperator"):
        LeastSquares(torch.eye(3), torch.ones(3) + 0j)
    operator = cartesian()
    with pytest.raises(ValueError, match="all zero"):
        LeastSquares(operator, torch.zeros(operator.range, dtype=torch.complex64))
    with pytest.raises(ValueError, match=r"the image has shape \(2, 24, 20\); these data are of \(24, 20\)"):
        LeastSquares(operator, operator.mask * torch.ones(operator.range) + 0j)(torch.ones(2, *SIZE) + 0j)
    with pytest.raises(TypeError, match="must be a Siren or another Mlp"):
        ImageINR(torch.nn.Linear(2, 2), SIZE)
    with pytest.raises(ValueError, match="two positive integers"):
        ImageINR(network(3), (4, 5, 6))
    with pytest.raises(ValueError, match="leave times out"):
        ImageINR(network(), SIZE).render(times=frame_times(2))
    with pytest.raises(ValueError, match="expects a range of shape"):
        LeastSquares(operator, torch.ones(4, 5, dtype=torch.complex64))
