"""A small scanner of films, and operators as matrices."""

import math

import torch

from otrecon.mri import CartesianFilm
from tests.laws import randn

FILM = (5, 7, 6)


def scanner(*, empty=(), seed=0, dtype=torch.complex128):
    """A small film with a block that moves and one that blinks, two coils, three fifths of k-space, noisy data."""
    smaps = randn((2, *FILM[1:]), seed=seed, dtype=dtype)
    smaps = smaps / torch.linalg.vector_norm(smaps, dim=0)
    masks = torch.rand(FILM, generator=torch.Generator().manual_seed(seed)) < 0.6
    masks[list(empty)] = False
    operator = CartesianFilm(masks, smaps)
    film = torch.zeros(FILM, dtype=dtype)
    film[:, 1:6, 1:5] = 1
    for t in range(FILM[0]):
        film[t, 2:4, t : t + 2] = 0.4 + 0.6j
    film[2:4, 5, 2] = 2
    noise = 0.02 * randn(operator.range, seed=seed + 1, dtype=dtype)
    return operator, film, operator.mask * (operator(film) + noise)


def dense(operator):
    """An operator as a matrix, column by column."""
    basis = torch.eye(math.prod(operator.domain), dtype=torch.complex128).reshape(-1, *operator.domain)
    return operator(basis).flatten(1).numpy().T
