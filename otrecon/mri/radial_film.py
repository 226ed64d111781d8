"""Multi-coil MRI of a film on non-Cartesian trajectories, one for each frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex, kind
from otrecon.grid import check_im_size, check_ktraj
from otrecon.mri.nufft import NUFFT, apply_toeplitz, toeplitz_kernel
from otrecon.mri.radial import NonCartesian

__all__ = ["RadialFilm"]


class RadialFilm(NonCartesian):
    """Coil sensitivities and a NUFFT for each frame: film ``(..., t, y, x)`` to samples ``(..., coil, samples)``.

    The samples of the frames follow one another, so that frames may differ in their number of spokes: 196 spokes
    shared out among 5 frames give 40 and four times 39. :meth:`join` and :meth:`split` go between the data of single
    frames and those of the film.

    Parameters
    ----------
    ktrajs
        One trajectory for each frame, ``(2, samples of the frame)`` in rad/voxel, row 0 ky and row 1 kx: a list, or a
        tensor ``(t, 2, samples)`` where all are of one length. None in the list: a frame without data. It contributes
        nothing to ``forward``, and ``adjoint`` and ``gram`` leave it zero: what it shows is up to the prior.
    im_size
        Image size ``(y, x)``.
    smaps
        Complex coil sensitivities ``(coil, y, x)``, the same for all frames. None: a single coil of sensitivity 1.
    dcomp
        Density compensation of each frame, real, not negative, ``(samples of the frame,)``; None for a frame without
        data. It serves :meth:`density_compensated_adjoint` and :meth:`density_weighted` alone.
    toeplitz
        Compute ``gram`` by a convolution for each frame instead of two NUFFTs: several times faster, equal to
        ``adjoint(forward)`` up to the accuracy of the NUFFT. The kernels are made at the first use.

    Attributes
    ----------
    ktraj : Tensor
        All trajectories one after the other, ``(2, samples)``.
    samples : tuple of int
        Number of samples of each frame; 0 where there are no data.
    measured : tuple of int
        Frames that have data.
    empty : tuple of int
        Frames that have none.

    Raises
    ------
    TypeError, ValueError
        If a trajectory is not in rad/voxel (the message names the frame), none has data, or shapes do not fit.

    Notes
    -----
    The scaling is unitary, as in :class:`~otrecon.mri.RadialMRI`, of which each frame is one.

    References
    ----------
    Seed rows 000-M2, 000-S3 and 000-S4, and erratum 20 (frames of 39 and of 40 spokes).
    """

    def __init__(
        self,
        ktrajs: Sequence[Tensor | None] | Tensor,
        im_size: Sequence[int],
        smaps: Tensor | None = None,
        *,
        dcomp: Sequence[Tensor | None] | Tensor | None = None,
        toeplitz: bool = True,
    ) -> None:
        im_size = check_im_size(im_size)
        frames = _frames(ktrajs)
        ktraj = torch.cat([each for each in frames if each is not None], 1)
        samples = tuple(0 if each is None else int(each.shape[1]) for each in frames)
        super().__init__(ktraj, im_size, smaps, None if dcomp is None else _join_dcomp(dcomp, samples), toeplitz)
        self.domain = (len(frames), *im_size)
        self.samples = samples
        self.measured = tuple(t for t, each in enumerate(frames) if each is not None)
        self.empty = tuple(t for t, each in enumerate(frames) if each is None)
        self.nuffts = torch.nn.ModuleList(NUFFT(each, im_size) for each in frames if each is not None)

    def split(self, kdata: Tensor) -> tuple[Tensor, ...]:
        """Take the data of a film apart: ``(..., coil, samples)`` to one ``(..., coil, samples of the frame)`` a frame.

        Raises
        ------
        TypeError, ValueError
            If the data are not complex, or not of the shape of this film.
        """
        check_complex(kdata, "kdata")
        self._check(kdata, self.range, "range")
        return kdata.split(self.samples, -1)

    def join(self, frames: Sequence[Tensor | None]) -> Tensor:
        """Put the data of single frames, each ``(..., coil, samples of the frame)``, into those of the film.

        Parameters
        ----------
        frames
            One tensor a frame, in order; None (or no samples) for a frame without data.

        Raises
        ------
        TypeError, ValueError
            If data are not complex, or a frame has not as many coils as the maps or samples as its trajectory.
        """
        if len(frames) != len(self.samples):
            raise ValueError(f"join needs the data of {len(self.samples)} frames, got {len(frames)}.")
        pieces = []
        for t, (each, samples) in enumerate(zip(frames, self.samples, strict=True)):
            if each is not None:
                check_complex(each, f"kdata of frame {t}")
                if each.ndim < 2 or each.shape[-2] != self.range[0]:
                    raise ValueError(
                        f"kdata of frame {t} must be (..., coil, samples) with {self.range[0]} coils, as many as the "
                        f"maps, got {kind(each)}."
                    )
            found = 0 if each is None else int(each.shape[-1])
            if found != samples:
                raise ValueError(
                    f"Frame {t} has {samples} samples in its trajectory and {found} in its data: give it the data of "
                    "its own spokes, None where it has none."
                )
            if each is not None:
                pieces.append(each)
        if len({piece.shape[:-1] for piece in pieces}) > 1:
            shapes = ", ".join(str(tuple(piece.shape)) for piece in pieces)
            raise ValueError(f"The data of all frames must have the same leading axes, got {shapes}: all in one batch.")
        return torch.cat(pieces, -1)

    def _transform(self, coils: Tensor) -> Tensor:
        pieces = [
            nufft._forward(coils[..., t, :, :, :]) for t, nufft in zip(self.measured, self._operators(), strict=True)
        ]
        return torch.cat(pieces, -1)

    def _transform_adjoint(self, data: Tensor) -> Tensor:
        coils = data.new_zeros((*data.shape[:-2], self.domain[0], data.shape[-2], *self.domain[1:]))
        pieces = data.split([self.samples[t] for t in self.measured], -1)
        for t, nufft, piece in zip(self.measured, self._operators(), pieces, strict=True):
            coils[..., t, :, :, :] = nufft._adjoint(piece)
        return coils

    def _make_kernel(self, weights: Tensor | None = None) -> Tensor:
        if weights is None:
            weights = torch.ones(self.ktraj.shape[1], device=self.ktraj.device)
        pieces = weights.split([self.samples[t] for t in self.measured])
        kernels = [
            toeplitz_kernel(nufft.ktraj, self.domain[1:], each)
            for nufft, each in zip(self._operators(), pieces, strict=True)
        ]
        return torch.stack(kernels)

    def _convolve(self, kernel: Tensor, x: Tensor) -> Tensor:
        # Frame by frame: the coil images of one frame are in memory, not those of the film.
        film = torch.zeros_like(x)
        for t, each in zip(self.measured, kernel, strict=True):
            film[..., t, :, :] = self._from_coils(apply_toeplitz(each, self._to_coils(x[..., t, :, :])))
        return film

    def _operators(self) -> list[NUFFT]:
        return [nufft for nufft in self.nuffts if isinstance(nufft, NUFFT)]


def _frames(ktrajs: Sequence[Tensor | None] | Tensor) -> list[Tensor | None]:
    if isinstance(ktrajs, Tensor) and ktrajs.ndim != 3:
        raise ValueError(
            f"ktrajs must be a list of trajectories (2, samples), or a tensor (t, 2, samples), got a tensor of shape "
            f"{tuple(ktrajs.shape)}: for one image use RadialMRI, for a film that repeats it [ktraj] * frames."
        )
    if not isinstance(ktrajs, (Tensor, list, tuple)):
        raise TypeError(f"ktrajs must be a list of trajectories, one a frame, got {kind(ktrajs)}.")
    frames = list(ktrajs)
    for t, each in enumerate(frames):
        if each is None:
            continue
        try:
            check_ktraj(each)
        except (TypeError, ValueError) as error:
            hint = " A frame without data is None." if isinstance(each, Tensor) and each.numel() == 0 else ""
            raise type(error)(f"Frame {t}: {error}{hint}") from None
    measured = [each for each in frames if each is not None]
    if not measured:
        raise ValueError("No frame has data: at least one entry of ktrajs must be a trajectory.")
    if len({each.device for each in measured}) > 1:
        raise ValueError("The trajectories are on different devices: move them to one.")
    dtype = measured[0].dtype
    for each in measured[1:]:
        dtype = torch.promote_types(dtype, each.dtype)
    return [None if each is None else each.to(dtype) for each in frames]


def _join_dcomp(dcomp: Sequence[Tensor | None] | Tensor, samples: tuple[int, ...]) -> Tensor:
    if len(dcomp) != len(samples):
        raise ValueError(f"dcomp must hold weights for each of the {len(samples)} frames, got {len(dcomp)}.")
    for t, (each, count) in enumerate(zip(dcomp, samples, strict=True)):
        if each is not None and not isinstance(each, Tensor):
            raise TypeError(f"dcomp of frame {t} must be a tensor, got {kind(each)}.")
        if tuple(() if each is None else each.shape) != (() if count == 0 else (count,)):
            found = "None" if each is None else f"shape {tuple(each.shape)}"
            expected = f"shape ({count},)" if count else "None, as the frame has no data"
            raise ValueError(f"dcomp of frame {t} must have {expected}, got {found}.")
    return torch.cat([each for each in dcomp if each is not None])
