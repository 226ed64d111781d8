"""An image that is a network: asked for the grey value at a place, or for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from otrecon.checks import check_positive
from otrecon.grid import check_im_size
from otrecon.inr.coordinates import pixel_coordinates
from otrecon.inr.mlp import Mlp, in_pieces

__all__ = ["ImageINR"]


class ImageINR(nn.Module):
    """A network from places, or places and moments, to a complex image or film (row 000-M3).

    Parameters
    ----------
    network
        `Siren` or another `Mlp`; its two outputs are real and imaginary part.
    shape
        Size of the image ``(y, x)``.
    times
        Moments of the frames ``(t,)``, from `frame_times`; None: one image.
    magnitude
        What the network's 1 stands for, in the unit of the image. Where the image may be far from 1, give its largest
        modulus, roughly, such as that of the adjoint of its data: the optimiser walks in steps of a size of its own,
        and does not arrive at thousands, or stop at thousandths.

    Raises
    ------
    TypeError, ValueError
        If it is no `Mlp`, the network does not take as many coordinates, or does not give two numbers.

    Examples
    --------
    >>> import torch
    >>> from otrecon.inr import ImageINR, Siren
    >>> image = ImageINR(Siren(2, 32, 1, 2, generator=torch.Generator().manual_seed(0)), (24, 32))
    >>> image().shape, image.render((48, 64)).shape
    (torch.Size([24, 32]), torch.Size([48, 64]))
    """

    coordinates: Tensor

    def __init__(
        self, network: Mlp, shape: Sequence[int], *, times: Tensor | None = None, magnitude: float = 1.0
    ) -> None:
        super().__init__()
        if not isinstance(network, Mlp):
            raise TypeError(f"network must be a Siren or another Mlp, got {type(network).__name__}.")
        self.shape, self.times = check_im_size(shape), times
        weights = next(network.parameters())
        coordinates = pixel_coordinates(self.shape, times=times, dtype=weights.dtype, device=weights.device)
        if (network.in_features, network.out_features) != (coordinates.shape[-1], 2):
            raise ValueError(
                f"the network maps {network.in_features} coordinates to {network.out_features} numbers; this image "
                f"needs {coordinates.shape[-1]} and 2, real and imaginary part: make it Siren({coordinates.shape[-1]}, "
                "width, hidden_layers, 2, ...)."
            )
        self.network, self.magnitude = network, check_positive("magnitude", magnitude)
        self.register_buffer("coordinates", coordinates, persistent=False)

    def extra_repr(self) -> str:
        """Show what is no weight: a checkpoint tells models apart by it."""
        moments = None if self.times is None else [float(moment) for moment in self.times]
        return f"shape={self.shape}, times={moments}, magnitude={self.magnitude}"

    def forward(self, indices: Tensor | None = None) -> Tensor:
        """Complex image ``(y, x)`` or film ``(t, y, x)``; or the values at flat indices of its pixels ``(n,)``."""
        places = self.coordinates if indices is None else self.coordinates.flatten(0, -2)[indices]
        return self.magnitude * torch.view_as_complex(self.network(places).contiguous())

    @torch.no_grad()
    def render(self, shape: Sequence[int] | None = None, *, times: Tensor | None = None) -> Tensor:
        """Draw at another size or at other moments; by default at its own.

        What appears between the pixels or the frames that were fitted is the network's guess.
        """
        if times is not None and self.times is None:
            raise ValueError("this is an image, without time: leave times out.")
        size = self.shape if shape is None else check_im_size(shape)
        places = pixel_coordinates(size, times=self.times if times is None else times, dtype=self.coordinates.dtype)
        values = in_pieces(self.network, places.to(self.coordinates.device)).contiguous()
        return self.magnitude * torch.view_as_complex(values)
