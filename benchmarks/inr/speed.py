"""What a step costs, against width and number of places, and with `torch.compile`.

A step is the network at its places, the squared error, its gradient and Adam. The first steps of a compiled network,
in which the compiler works, or finds its work in a cache on disk, are timed apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.harness import Row, compare, save
from otrecon.inr import Siren

__all__ = ["speed"]

LAYERS = 3


def speed(
    widths: Sequence[int] = (32, 64, 128, 256),
    places: Sequence[int] = (1024, 4096, 16384, 65536),
    compiled: Sequence[int] = (16384,),
    *,
    repeats: int = 3,
    name: str = "inr_speed",
) -> bool:
    """Time the steps; passes where each can be taken (a table to read has no goal)."""
    rows: list[dict[str, Any]] = []
    for count in places:
        steps = {f"{width}": _step(width, count)[0] for width in widths}
        rows += [_row(found, int(found.name), count, "eager") for found in compare(steps, repeats=repeats, warmup=0)]
        print(rows[-len(widths) :], flush=True)
    for width in widths:
        for count in compiled:
            try:
                quick, seconds = _step(width, count, compile_it=True)
            except RuntimeError as error:  # no C++ compiler on this machine
                rows.append({"width": width, "places": count, "way": "compiled", "reason": type(error).__name__})
                continue
            _, row = compare({"eager": _step(width, count)[0], "compiled": quick}, repeats=repeats, warmup=0)
            rows.append(_row(row, width, count, "compiled") | {"ratio": row.ratio, "compiling": seconds})
    save(name, rows, network=f"Siren, hidden_layers={LAYERS}, 2 coordinates to 1 number", passed=True)
    return True


def _row(found: Row, width: int, places: int, way: str) -> dict[str, Any]:
    """Describe a row; ``ratio``, for compiled ones, is to the uncompiled step."""
    row: dict[str, Any] = {"width": width, "places": places, "way": way, "seconds": found.median}
    return row | {"microseconds_a_place": 1e6 * found.median / places}


def _step(width: int, places: int, *, compile_it: bool = False) -> tuple[Callable[[], None], float]:
    """One step, and the seconds of the first."""
    generator = torch.Generator().manual_seed(0)
    network = Siren(2, width, LAYERS, 1, check_range=False, generator=generator)
    coordinates = 2 * torch.rand(places, 2, generator=generator) - 1
    truth = torch.rand(places, 1, generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    ask: Callable[[torch.Tensor], torch.Tensor] = torch.compile(network, dynamic=False) if compile_it else network

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        (ask(coordinates) - truth).square().mean().backward()
        optimiser.step()

    begin = time.perf_counter()
    step()
    return step, time.perf_counter() - begin
