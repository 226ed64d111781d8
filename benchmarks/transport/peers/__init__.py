"""Adapters, one file a peer. The first of each list is what the others are compared with."""

from __future__ import annotations

from benchmarks.transport.peers import appendix_b, broadcast, geomloss_pixels, ott_grid, ours, pot
from benchmarks.transport.peers.peer import CannotRunError, Peer, Setting

__all__ = ["BARYCENTER", "DIVERGENCE", "CannotRunError", "Peer", "Setting"]

DIVERGENCE: tuple[Peer, ...] = (
    ours.DIVERGENCE,
    broadcast.DIVERGENCE,
    ott_grid.DIVERGENCE,
    ott_grid.DIVERGENCE_KERNEL,
    pot.DENSE,
    geomloss_pixels.DIVERGENCE,
)
BARYCENTER: tuple[Peer, ...] = (
    ours.BARYCENTER,
    broadcast.BARYCENTER,
    ott_grid.BARYCENTER,
    ott_grid.BARYCENTER_KERNEL,
    pot.CONVOLUTIONAL,
    pot.CONVOLUTIONAL_LOG,
    geomloss_pixels.BARYCENTER,
    appendix_b.BARYCENTER,
)
