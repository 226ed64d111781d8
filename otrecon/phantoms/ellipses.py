r"""Ellipses: images by rasterisation, k-space by formula, and the two agree to sub-pixel accuracy.

Reconstructing data that were made by the very matrix that the reconstruction inverts is the inverse crime. A sum of
ellipses has a Fourier transform in closed form, so its k-space owes nothing to any pixel grid.

Coordinates are ``(y, x)``, y pointing down and x to the right, in the length unit of the phantom's field of view
``fov`` (2 by 2 unless stated: from -1 to 1). The origin lies at the *centre of the pixel* with index ``n // 2``, as for
the centred FFT; pixel ``i`` spans ``(i - n // 2 -+ 1/2) fov / n``. For even ``n`` the picture therefore reaches half
a pixel further on the side of low indices. A non-square ``im_size`` on a square field of view has oblong voxels; for
square voxels give a field of view of the same proportions.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from otrecon.grid import cartesian_trajectory, check_im_size, check_ktraj
from otrecon.phantoms.checks import check_count
from otrecon.phantoms.coils import HarmonicCoils

__all__ = ["Ellipse", "EllipsePhantom"]


@dataclass(frozen=True)
class Ellipse:
    """A filled ellipse of constant intensity.

    Parameters
    ----------
    intensity
        Value inside, real or complex, in the unit of the image; zero outside.
    centre
        ``(y, x)`` in the unit of the field of view.
    semi_axes
        Half-lengths ``(along y, along x)`` before the turn, same unit, positive.
    angle
        Turn in radians, from the x axis towards the y axis (clockwise on a screen, where y points down).

    Raises
    ------
    ValueError
        If a number is not finite, a pair is not a pair, or a semi-axis is not positive.
    """

    intensity: complex
    centre: tuple[float, float]
    semi_axes: tuple[float, float]
    angle: float = 0.0

    def __post_init__(self) -> None:
        if len(self.centre) != 2 or len(self.semi_axes) != 2:
            raise ValueError(f"centre and semi_axes are pairs (y, x), got {self.centre} and {self.semi_axes}.")
        if not (
            cmath.isfinite(self.intensity) and all(map(math.isfinite, (*self.centre, *self.semi_axes, self.angle)))
        ):
            raise ValueError(f"Every number of an ellipse must be finite, got {self}.")
        if min(self.semi_axes) <= 0:
            raise ValueError(f"semi_axes must be positive lengths, got {self.semi_axes}.")

    @property
    def area(self) -> float:
        """Area in squared units of the field of view."""
        return math.pi * self.semi_axes[0] * self.semi_axes[1]

    def coverage(self, im_size: tuple[int, int], fov: tuple[float, float], rows: int, device: Any = None) -> Tensor:
        """Fraction of each pixel inside the ellipse, float64 ``(ny, nx)``: exact along x, ``rows`` lines a pixel."""
        (ny, nx), (cos, sin), (ay, ax) = im_size, (math.cos(self.angle), math.sin(self.angle)), self.semi_axes
        covered = torch.zeros(ny, nx, dtype=torch.float64, device=device)
        # A dx^2 + 2 B dx dy + C dy^2 <= 1, whose determinant A C - B^2 is 1 / (ax ay)^2.
        A = (cos / ax) ** 2 + (sin / ay) ** 2
        B = cos * sin * (1 / ax**2 - 1 / ay**2)
        C = (sin / ax) ** 2 + (cos / ay) ** 2
        top, bottom = _pixels(self.centre[0], ax * ay * math.sqrt(A), ny, fov[0])
        first, last = _pixels(self.centre[1], ax * ay * math.sqrt(C), nx, fov[1])
        if top >= bottom or first >= last:
            return covered
        line = torch.arange(top * rows, bottom * rows, dtype=torch.float64, device=device)
        dy = ((line + 0.5) / rows - 0.5 - ny // 2) * fov[0] / ny - self.centre[0]
        half = torch.sqrt((A - (dy / (ax * ay)) ** 2).clamp_min(0)) / A
        start = self.centre[1] - B / A * dy - half
        edge = (torch.arange(first, last + 1, dtype=torch.float64, device=device) - 0.5 - nx // 2) * fov[1] / nx
        # Length of each line's chord to the left of every pixel edge; differences are lengths within pixels.
        left = (edge - start[:, None]).clamp_min(0).minimum(2 * half[:, None])
        covered[top:bottom, first:last] = (left.diff(dim=-1) * (nx / fov[1])).unflatten(0, (-1, rows)).mean(1)
        return covered

    def spectrum(self, ky: Tensor, kx: Tensor) -> Tensor:
        """Integral of ``intensity * exp(-i (ky y + kx x))`` over the ellipse; ``ky``, ``kx`` in rad per unit length."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        along_x, along_y = kx * cos + ky * sin, ky * cos - kx * sin
        q = torch.hypot(self.semi_axes[1] * along_x, self.semi_axes[0] * along_y)
        small = q < 1e-3
        safe = torch.where(small, 1.0, q)
        jinc = torch.where(small, 1 - q**2 / 8, 2 * _bessel_j1(safe) / safe)
        phase = -(ky * self.centre[0] + kx * self.centre[1])
        return self.intensity * torch.polar(self.area * torch.ones_like(jinc), phase) * jinc


def _pixels(centre: float, reach: float, n: int, fov: float) -> tuple[int, int]:
    """Range of pixels along one axis that ``centre -+ reach`` touches, within the image."""
    low, high = ((centre + sign * reach) * n / fov + n // 2 + 0.5 for sign in (-1, 1))
    return min(n, max(0, math.floor(low))), min(n, max(0, math.ceil(high)))


def _bessel_j1(q: Tensor) -> Tensor:
    # torch.special.bessel_j1 (2.13) errs by up to 5e-7 around q = 5 in float64; SciPy's is right to the last digits.
    from scipy.special import j1

    return torch.from_numpy(j1(q.cpu().numpy())).to(q.device)


@dataclass(frozen=True)
class EllipsePhantom:
    """A sum of ellipses; intensities add where they overlap.

    Parameters
    ----------
    ellipses
        The :class:`Ellipse` objects.
    fov
        Extent ``(y, x)`` of the field of view, in the unit of the ellipses' lengths.

    Raises
    ------
    ValueError
        If there is no ellipse or ``fov`` is not a pair of positive lengths.

    Notes
    -----
    An object that leaves the field of view is cut off by :meth:`image`; its samples on the Cartesian grid wrap around
    instead, as in a scanner.
    """

    ellipses: tuple[Ellipse, ...]
    fov: tuple[float, float] = (2.0, 2.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ellipses", tuple(self.ellipses))
        if not self.ellipses:
            raise ValueError("An EllipsePhantom needs at least one ellipse.")
        if len(self.fov) != 2 or not all(math.isfinite(length) and length > 0 for length in self.fov):
            raise ValueError(f"fov must be two positive lengths (y, x), got {self.fov}.")

    @property
    def is_complex(self) -> bool:
        """Whether any intensity is a complex number."""
        return any(isinstance(ellipse.intensity, complex) for ellipse in self.ellipses)

    def image(
        self,
        im_size: Sequence[int],
        *,
        supersample: int = 16,
        dtype: torch.dtype | None = None,
        device: Any = None,
    ) -> Tensor:
        """Mean intensity over each pixel.

        Parameters
        ----------
        im_size
            ``(ny, nx)``.
        supersample
            Lines a pixel in y. Along x the covered length is exact, so that edges are smooth at any number.
        dtype
            ``float32``, or ``complex64`` if an intensity is complex, when omitted.
        device
            Device of the result.

        Returns
        -------
        Tensor
            Shape ``(ny, nx)``, in the unit of the intensities, rounded to 1e-12 of the largest of them: air is 0, not
            what is left of a sum.

        Raises
        ------
        TypeError
            If ``dtype`` is real and an intensity is complex, or is not a floating-point type.
        """
        ny, nx = check_im_size(im_size)
        check_count("supersample", supersample, least=1)
        dtype = dtype or (torch.complex64 if self.is_complex else torch.float32)
        if not (dtype.is_complex or dtype.is_floating_point):
            raise TypeError(f"dtype must be a floating-point or complex type, got {dtype}.")
        if self.is_complex and not dtype.is_complex:
            raise TypeError(f"Intensities are complex: {dtype} would drop their phase. Ask for a complex dtype.")
        wide = torch.complex128 if self.is_complex else torch.float64
        image = torch.zeros(ny, nx, dtype=wide, device=device)
        for ellipse in self.ellipses:
            image += ellipse.intensity * ellipse.coverage((ny, nx), self.fov, supersample, device)
        # Where intensities cancel, rounding leaves some -1e-17 that a logarithm or a mass would trip over.
        quantum = 2.0**-40 * (max(abs(ellipse.intensity) for ellipse in self.ellipses) or 1.0)
        parts = torch.view_as_real(image) if image.is_complex() else image
        parts.div_(quantum).round_().mul_(quantum)
        return image.to(dtype)

    def kspace(self, ktraj: Tensor, im_size: Sequence[int], *, coils: HarmonicCoils | None = None) -> Tensor:
        r"""Exact Fourier transform at any points of k-space.

        Parameters
        ----------
        ktraj
            Shape ``(2, samples)``, rad/voxel, row 0 ``ky``, row 1 ``kx``. Any finite place: no grid, no period. What
            looks like cycles/voxel is refused, see :func:`~otrecon.grid.check_ktraj`.
        im_size
            ``(ny, nx)``: the voxels that ``ktraj`` counts in, and the scale of the unitary transform.
        coils
            Receiving coils; none: one uniform coil and no coil axis.

        Returns
        -------
        Tensor
            ``(samples,)``, or ``(coils, samples)`` with coils; complex64 for float32 ``ktraj``, complex128 for float64.

        Notes
        -----
        .. math:: K(k) = \frac{1}{\sqrt{n_y n_x}} \int f(r) \, e^{-i k \cdot r} \, dr, \qquad r \text{ in voxels,}

        where an ellipse with centre c contributes ``2 area J1(q) / q exp(-i k.c)``, q being the length of k in the
        frame in which the ellipse is the unit disc. The unitary FFT's sum over pixels has become the integral, so a
        centred inverse FFT of :meth:`cartesian_kspace` shows the phantom in its place and scale, with Gibbs ringing. A
        product with a coil's complex exponential shifts k-space, so coils stay exact too. Evaluated in float64.
        """
        ny, nx = check_im_size(im_size)
        if not (coils is None or isinstance(coils, HarmonicCoils)):
            made = f": pass phantoms.ring_coils({coils})." if isinstance(coils, int) else ", such as ring_coils(8)."
            raise TypeError(f"coils must be HarmonicCoils, whose k-space has a formula, got {coils!r:.60}{made}")
        ky, kx = check_ktraj(ktraj, limit=math.inf).to(torch.float64)
        if coils is None:
            samples = self._spectrum(ky, kx, (ny, nx))
        else:
            shifts = 2 * math.pi * coils.frequencies.to(ktraj.device) / torch.tensor([[ny], [nx]], device=ktraj.device)
            shifted = [self._spectrum(ky - shift[0], kx - shift[1], (ny, nx)) for shift in shifts.T]
            samples = coils.weights.to(ktraj.device) @ torch.stack(shifted)
        return samples.to(torch.promote_types(ktraj.dtype, torch.complex32))

    def cartesian_kspace(
        self,
        im_size: Sequence[int],
        *,
        coils: HarmonicCoils | None = None,
        dtype: torch.dtype = torch.complex64,
        device: Any = None,
    ) -> Tensor:
        """Exact k-space at the samples of the centred FFT.

        Parameters
        ----------
        im_size
            ``(ny, nx)``.
        coils
            Receiving coils; none: no coil axis.
        dtype
            Complex type of the result.
        device
            Device of the result.

        Returns
        -------
        Tensor
            ``(ny, nx)``, or ``(coils, ny, nx)`` with coils; zero frequency at index ``n // 2``, unitary scale.

        Raises
        ------
        TypeError
            If ``dtype`` is not complex.
        """
        if not dtype.is_complex:
            raise TypeError(f"k-space is complex: dtype must be complex64 or complex128, got {dtype}.")
        size = check_im_size(im_size)
        return self.kspace(cartesian_trajectory(size, device=device), size, coils=coils).unflatten(-1, size).to(dtype)

    def _spectrum(self, ky: Tensor, kx: Tensor, im_size: tuple[int, int]) -> Tensor:
        voxel_y, voxel_x = self.fov[0] / im_size[0], self.fov[1] / im_size[1]
        total = torch.zeros(ky.shape, dtype=torch.complex128, device=ky.device)
        for ellipse in self.ellipses:
            total += ellipse.spectrum(ky / voxel_y, kx / voxel_x)
        return total / (voxel_y * voxel_x * math.sqrt(im_size[0] * im_size[1]))
