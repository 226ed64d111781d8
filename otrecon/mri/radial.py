"""Multi-coil MRI on a radial, or any other non-Cartesian, trajectory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.grid import check_im_size, check_ktraj
from otrecon.mri.multicoil import MultiCoil
from otrecon.mri.nufft import NUFFT, apply_toeplitz, toeplitz_kernel
from otrecon.operators import LinearOperator

__all__ = ["DensityWeighted", "NonCartesian", "RadialMRI"]


class NonCartesian(MultiCoil):
    """What one image and a film share on a trajectory: density compensation, and the gram as a convolution.

    Subclasses make the kernel of the convolution and apply it. For the parameters see :class:`RadialMRI`; ``data_size``
    is the number of samples of one coil.
    """

    ktraj: Tensor
    dcomp: Tensor | None
    _kernel: Tensor | None

    def __init__(
        self, ktraj: Tensor, im_size: Sequence[int], smaps: Tensor | None, dcomp: Tensor | None, toeplitz: bool
    ) -> None:
        super().__init__(im_size, ktraj.shape[1:], smaps)
        if dcomp is not None:
            _check_dcomp(dcomp, ktraj.shape[1])
        self.register_buffer("ktraj", ktraj)
        self.register_buffer("dcomp", dcomp)
        self.register_buffer("_kernel", None, persistent=False)
        self.toeplitz = toeplitz

    def density_compensated_adjoint(self, kdata: Tensor) -> Tensor:
        """Gridding reconstruction A^H D y: the adjoint applied to density-compensated data.

        Parameters
        ----------
        kdata
            Complex ``(..., coil, samples)``.

        Returns
        -------
        Tensor
            Complex ``(..., y, x)``: the image where one coil samples k-space fully. With several coils it is the
            image times the sum of squares of the maps.

        Raises
        ------
        ValueError
            If the operator has no ``dcomp``.
        """
        return self.adjoint(self._require_dcomp().to(kdata.dtype) * kdata)

    def density_weighted(self) -> DensityWeighted:
        """Operator D^(1/2) A, for iterative reconstruction of data that are weighed alike.

        The data must be multiplied by ``dcomp.sqrt()``, which :meth:`DensityWeighted.weigh` does::

            dense = operator.density_weighted()
            image = cg_sense(dense, dense.weigh(kdata)).image

        Weighing data and model alike keeps the problem a least-squares problem, with normal equations
        A^H D A x = A^H D y that are far better conditioned than A^H A x = A^H y. Weighing the model alone takes each
        sample for D^(-1/2) of what it is, too much where k-space is dense: a blurred image.

        Raises
        ------
        ValueError
            If the operator has no ``dcomp``.
        """
        return DensityWeighted(self)

    @abstractmethod
    def _make_kernel(self, weights: Tensor | None = None) -> Tensor:
        """Transfer function of A^H W A without the coils, W of shape ``(samples,)``."""

    @abstractmethod
    def _convolve(self, kernel: Tensor, x: Tensor) -> Tensor:
        """A^H W A x, coils included, from the kernel."""

    def _gram(self, x: Tensor) -> Tensor:
        if not self.toeplitz:
            return super()._gram(x)
        if self._kernel is None:
            self._kernel = self._make_kernel()
        return self._convolve(self._kernel, x)

    def _require_dcomp(self) -> Tensor:
        if self.dcomp is None:
            raise ValueError(
                f"This {type(self).__name__} has no density compensation: build it with dcomp=, "
                "pipe_density(...).dcomp of each trajectory."
            )
        return self.dcomp


class RadialMRI(NonCartesian):
    """Coil sensitivities and a NUFFT: image ``(..., y, x)`` to k-space samples ``(..., coil, samples)``.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)`` in rad/voxel, row 0 ky and row 1 kx. Any trajectory serves, not only a radial one.
    im_size
        Image size ``(y, x)``.
    smaps
        Complex coil sensitivities ``(coil, y, x)``. None: a single coil of uniform sensitivity 1.
    dcomp
        Real non-negative density compensation ``(samples,)``, scaled such that gridding needs no further factor (as
        :mod:`otrecon.mri.density` makes it). It never enters ``forward``, ``adjoint`` or ``gram``; it serves
        :meth:`density_compensated_adjoint` and :meth:`density_weighted`.
    toeplitz
        Compute ``gram`` by a convolution instead of two NUFFTs: several times faster, equal to ``adjoint(forward)``
        up to the accuracy of the NUFFT. Its kernel is made at the first use.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is not in rad/voxel, or shapes do not fit, or weights are negative or not finite.

    Notes
    -----
    The scaling is unitary: on the Cartesian grid the operator equals the orthonormal FFT. The adjoint is the true
    adjoint, not an inverse: it weighs the densely sampled centre of k-space too much, and looks blurred.
    """

    def __init__(
        self,
        ktraj: Tensor,
        im_size: Sequence[int],
        smaps: Tensor | None = None,
        *,
        dcomp: Tensor | None = None,
        toeplitz: bool = True,
    ) -> None:
        check_ktraj(ktraj)
        im_size = check_im_size(im_size)
        super().__init__(ktraj, im_size, smaps, dcomp, toeplitz)
        self.nufft = NUFFT(ktraj, im_size)

    def _transform(self, coils: Tensor) -> Tensor:
        return self.nufft._forward(coils)

    def _transform_adjoint(self, data: Tensor) -> Tensor:
        return self.nufft._adjoint(data)

    def _make_kernel(self, weights: Tensor | None = None) -> Tensor:
        return toeplitz_kernel(self.ktraj, self.domain, weights)

    def _convolve(self, kernel: Tensor, x: Tensor) -> Tensor:
        return self._from_coils(apply_toeplitz(kernel, self._to_coils(x)))


class DensityWeighted(LinearOperator):
    """D^(1/2) A for a :class:`RadialMRI` or a film A with density compensation D; its gram is A^H D A.

    It models data that :meth:`weigh` has multiplied by D^(1/2), not the measured ones.

    Parameters
    ----------
    operator
        The unweighted operator; it must have ``dcomp``.
    """

    root: Tensor
    _kernel: Tensor | None

    def __init__(self, operator: NonCartesian) -> None:
        super().__init__(operator.domain, operator.range)
        self.operator = operator
        self.register_buffer("root", operator._require_dcomp().sqrt())
        self.register_buffer("_kernel", None, persistent=False)

    def weigh(self, kdata: Tensor) -> Tensor:
        """Multiply measured data by D^(1/2): the data that this operator models.

        Parameters
        ----------
        kdata
            Complex ``(..., coil, samples)``, as measured.

        Returns
        -------
        Tensor
            Same shape and dtype.

        Raises
        ------
        TypeError, ValueError
            If the data are not complex, or not of this shape.
        """
        check_complex(kdata, "kdata")
        self._check(kdata, self.range, "range")
        return self.root.to(kdata.dtype) * kdata

    def _forward(self, x: Tensor) -> Tensor:
        y = self.operator._forward(x)
        return self.root.to(y.dtype) * y

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.operator._adjoint(self.root.to(y.dtype) * y)

    def _gram(self, x: Tensor) -> Tensor:
        if not self.operator.toeplitz:
            return super()._gram(x)
        if self._kernel is None:
            self._kernel = self.operator._make_kernel(self.root.square())
        return self.operator._convolve(self._kernel, x)


def _check_dcomp(dcomp: Tensor, samples: int) -> None:
    if not isinstance(dcomp, Tensor) or not dcomp.is_floating_point():
        raise TypeError("dcomp must be a tensor of a real floating dtype.")
    if tuple(dcomp.shape) != (samples,):
        raise ValueError(f"dcomp must have shape ({samples},), one weight per sample, got {tuple(dcomp.shape)}.")
    if not torch.isfinite(dcomp).all() or (dcomp < 0).any() or not (dcomp > 0).any():
        raise ValueError("dcomp must be finite and non-negative, and not all zero.")
