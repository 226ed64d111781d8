"""``python -m otrecon.lab.heart practice.mat``: a scan of the phantom, laid out as one of your own should be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from otrecon.data import save_radial_cine
from otrecon.lab.heart.radial import simulate
from otrecon.lab.heart.settings import PLANS
from otrecon.lab.scale import SCALES, scale

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file that is named, of the size of a scale."""
    parser = argparse.ArgumentParser(prog="python -m otrecon.lab.heart", description=__doc__)
    parser.add_argument("file", type=Path, help="where to write it: .mat, not there yet")
    parser.add_argument("--scale", choices=SCALES, help="smoke, cpu or paper; by default what OTRECON_SCALE names")
    asked = parser.parse_args(arguments)
    try:
        if asked.file.exists():
            raise FileExistsError(f"{asked.file} is there already, perhaps a scan of yours: take another name.")
        kdata = simulate(PLANS[asked.scale or scale()].config)
        save_radial_cine(asked.file, kdata)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    frames, coils, spokes, readout = kdata.shape
    sys.stdout.write(
        f"-> {asked.file}: {frames} frames of {spokes} spokes, {coils} coils, {readout // 2} x {readout // 2} pixels\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
