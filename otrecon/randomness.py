"""Randomness comes from the caller's generator alone: the one check of it that all rooms share."""

from __future__ import annotations

import torch

__all__ = ["check_generator"]


def check_generator(generator: object, name: str = "generator") -> torch.Generator:
    """Return ``generator``, or raise TypeError: a seed is not yet a generator.

    Parameters
    ----------
    generator
        What the caller gave.
    name
        Name of the argument, for the message.

    Raises
    ------
    TypeError
        If it is no ``torch.Generator``.
    """
    if isinstance(generator, torch.Generator):
        return generator
    if isinstance(generator, int) and not isinstance(generator, bool):
        raise TypeError(
            f"{name} must be a torch.Generator, got the seed {generator}: "
            f"pass torch.Generator().manual_seed({generator}), and keep it if the next draw shall differ."
        )
    raise TypeError(
        f"{name} must be a torch.Generator, such as torch.Generator().manual_seed(0), got {type(generator).__name__}."
    )
