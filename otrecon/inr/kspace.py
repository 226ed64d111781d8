"""K-space that is a network: asked for the samples of all coils at a frequency, or for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from otrecon.checks import check_complex, check_count, check_positive, kind
from otrecon.coil_images import combine, root_sum_of_squares
from otrecon.fourier import ifft2c
from otrecon.grid import check_im_size, check_ktraj
from otrecon.inr.coordinates import check_times, pixel_coordinates
from otrecon.inr.mlp import Mlp, in_pieces

__all__ = ["KSpaceINR", "kspace_coordinates", "relative_error", "squared_error"]


class KSpaceINR(nn.Module):
    """A network from frequencies, or moments and frequencies, to the samples of all coils (row 000-M4).

    No Fourier transform stands between the network and the data, so that a step costs nothing but the network, for any
    trajectory. The price is paid at the end: an error anywhere in k-space is an error everywhere in the image.

    Parameters
    ----------
    network
        `Siren` or another `Mlp` with two outputs for each coil: all real parts, then all imaginary parts.
    im_size
        Size of the image ``(y, x)``, whose grid of frequencies `kspace` is.
    coils
        Their number.
    times
        Moments of the frames ``(t,)``, from `frame_times`; None: one image.
    magnitude
        What the network's 1 stands for, in the unit of the data. Give the largest absolute sample.
    disc
        Whether `kspace` is zero outside the unit disc, of which a radial trajectory says nothing (section 3.4 of seed
        000). Say False for Cartesian data.

    Raises
    ------
    TypeError, ValueError
        If the network does not take as many coordinates, or does not give two numbers a coil.

    Examples
    --------
    >>> import torch
    >>> from otrecon.inr import KSpaceINR, Siren
    >>> kspace = KSpaceINR(Siren(2, 32, 1, 8, generator=torch.Generator().manual_seed(0)), (24, 32), coils=4)
    >>> kspace.kspace().shape, kspace.image().shape
    (torch.Size([4, 24, 32]), torch.Size([24, 32]))
    """

    def __init__(
        self,
        network: Mlp,
        im_size: Sequence[int],
        coils: int,
        *,
        times: Tensor | None = None,
        magnitude: float = 1.0,
        disc: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(network, Mlp):
            raise TypeError(f"network must be a Siren or another Mlp, got {kind(network)}.")
        self.im_size, self.coils, self.times = check_im_size(im_size), check_count("coils", coils), times
        needs = (2 if times is None else 3, 2 * self.coils)
        if (network.in_features, network.out_features) != needs:
            raise ValueError(
                f"the network maps {network.in_features} coordinates to {network.out_features} numbers; this k-space "
                f"needs {needs[0]} and {needs[1]}, real and imaginary part of {self.coils} coils."
            )
        if times is not None:
            check_times(times)
        self.network, self.magnitude, self.disc = network, check_positive("magnitude", magnitude), disc

    def extra_repr(self) -> str:
        """Show what is no weight: a checkpoint tells models apart by it."""
        moments = None if self.times is None else [float(moment) for moment in self.times]
        return f"im_size={self.im_size}, magnitude={self.magnitude}, disc={self.disc}, times={moments}"

    def forward(self, places: Tensor) -> Tensor:
        """Give the samples ``(..., coil, n)``, complex, in the unit of the data, at places ``(..., n, d)``.

        `kspace_coordinates` makes the places of a trajectory. They may lie outside the disc.
        """
        if places.ndim < 2:
            raise ValueError(f"places must be (..., n, {self.network.in_features}), got {tuple(places.shape)}.")
        return self._samples(self.network(places))

    def kspace(self, *, times: Tensor | None = None) -> Tensor:
        """Give the samples on the grid: ``(coil, y, x)``, or ``(t, coil, y, x)`` for its moments or other ones."""
        if times is not None and self.times is None:
            raise ValueError("this is an image, without time: leave times out.")
        weights = next(self.network.parameters())
        times = self.times if times is None else times
        places = pixel_coordinates(self.im_size, times=times, dtype=weights.dtype, device=weights.device)
        samples = self._samples(in_pieces(self.network, places.flatten(-3, -2))).unflatten(-1, self.im_size)
        if self.disc:
            samples = samples * (torch.linalg.vector_norm(places[..., None, :, :, -2:], dim=-1) <= 1)
        return samples

    def image(self, smaps: Tensor | None = None, *, times: Tensor | None = None) -> Tensor:
        """Give the image of the samples on the grid, ``(y, x)`` or ``(t, y, x)``.

        Parameters
        ----------
        smaps
            Sensitivities ``(coil, y, x)``: the combination of least noise, complex. None: the root of the sum of
            squares, real and never negative.
        times
            Other moments than its own.
        """
        images = ifft2c(self.kspace(times=times))
        return root_sum_of_squares(images) if smaps is None else combine(images, smaps)

    def _samples(self, outputs: Tensor) -> Tensor:
        """Make complex ``(..., coil, n)`` of the network's ``(..., n, 2 coils)``."""
        real, imaginary = outputs.mT.tensor_split(2, dim=-2)
        return self.magnitude * torch.complex(real.contiguous(), imaginary.contiguous())


def kspace_coordinates(ktraj: Tensor, *, times: Tensor | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
    """Places of the samples of a trajectory, as input of a k-space network: rad/voxel divided by pi.

    Parameters
    ----------
    ktraj
        ``(2, n)`` in rad/voxel, one trajectory; or ``(t, 2, n)``, one for each frame.
    times
        Moments of the frames ``(t,)``, which become the first coordinate; with them one trajectory serves all frames.
    dtype
        Of the result.

    Returns
    -------
    Tensor
        ``(n, 2)``; ``(t, n, 2)``; with times ``(t, n, 3)``.

    Raises
    ------
    TypeError, ValueError
        If a trajectory is none, or there are not as many moments as trajectories.
    """
    if not isinstance(ktraj, Tensor) or ktraj.ndim not in (2, 3):
        raise TypeError(f"ktraj must be a tensor (2, n), or (t, 2, n), in rad/voxel, got {kind(ktraj)}.")
    for frame in ktraj if ktraj.ndim == 3 else [ktraj]:
        check_ktraj(frame)
    places = ktraj.mT.to(torch.float64) / math.pi
    if times is not None:
        check_times(times)
        if ktraj.ndim == 3 and len(ktraj) != len(times):
            raise ValueError(f"times must be one moment for each frame, got {kind(times)} for {kind(ktraj)}.")
        places = places.expand(len(times), -1, -1)
        moments = times.to(places)[:, None, None].expand(-1, places.shape[-2], 1)
        places = torch.cat([moments, places], dim=-1)
    return places.to(dtype)


def squared_error(prediction: Tensor, data: Tensor) -> Tensor:
    """``|prediction - data|^2 / |data|^2``, a real scalar.

    The plain loss of k-space: nearly all of it is the energy of the centre, a few samples of large magnitude.

    Raises
    ------
    TypeError, ValueError
        If they are not complex tensors of one shape, or the data are all zero.
    """
    _check_pair(prediction, data)
    energy = data.abs().square().sum()
    if not energy > 0:
        raise ValueError("the data are all zero: there is nothing to compare with.")
    return (prediction - data).abs().square().sum() / energy


def relative_error(prediction: Tensor, data: Tensor, eps: float) -> Tensor:
    """``mean(|prediction - data|^2 / (|prediction| + eps)^2)``, the denominator held fixed; a real scalar.

    The relative loss of high-dynamic-range images, which k-space networks took over (seeds 000-M4 and NIK): a sample of
    the edge counts as much as one of the centre, as soon as it is above ``eps``.

    Parameters
    ----------
    prediction, data
        Complex, of one shape.
    eps
        Magnitude below which errors count absolutely, in the unit of the data; near the noise is a good choice. Without
        it, noise alone would be fitted.

    Raises
    ------
    TypeError, ValueError
        If they are not complex tensors of one shape, or eps is not positive.
    """
    _check_pair(prediction, data)
    weight = (prediction.detach().abs() + check_positive("eps", eps)).reciprocal()
    return ((prediction - data).abs() * weight).square().mean()


def _check_pair(prediction: Tensor, data: Tensor) -> None:
    check_complex(prediction, "prediction")
    check_complex(data, "data")
    if prediction.shape != data.shape or not data.numel():
        shapes = f"prediction {tuple(prediction.shape)} and data {tuple(data.shape)}"
        raise ValueError(f"{shapes} must be of one shape, not empty.")
