"""Stairs go down only: which room may import which, and who alone may know a notebook."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "otrecon"

# A room imports rooms of lower floors, and nothing beside it. A module directly in otrecon/ is on the ground.
FLOORS = (
    {"metrics", "phantoms", "data", "solvers"},
    {"mri", "ct", "ot", "inr"},
    {"dynamic", "crossmodal", "cells", "posterior"},
)
BESIDE = {"lab", "show"}
GROUND_MAY_IMPORT = {
    "blur": {"operators"},
    "coil_images": {"checks"},
    "fourier": {"checks", "grid", "operators"},
    "movie": {"checks", "whole_files"},
    "operators": {"randomness"},
}
NOTEBOOK_TOOLS = {"IPython", "ipykernel", "ipywidgets", "jupyter_book", "jupytext", "matplotlib", "myst_nb", "nbformat"}
HEAVY = {"h5py", "ot", "pooch", "ptwt", "pywt", "scipy", "sklearn", "torchkbnufft"} | NOTEBOOK_TOOLS


def imported(source, module):
    """Full names that a module imports anywhere: at its top, in functions and for type checking."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            here = module.split(".")
            base = here[: len(here) - node.level] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            # "from otrecon import mri" names a room in its list.
            found |= {f"{base}.{name.name}" for name in node.names} if base == "otrecon" else {base}
    return found


def room(name):
    """Room of a full module name: the part after the package."""
    return name.split(".")[1] if name.startswith("otrecon.") else None


def allowed(name):
    """Rooms that a room may import besides itself; None where everything is allowed."""
    ground = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    if name == "show":
        return None
    if name == "lab":
        return ground.union(*FLOORS)
    for height, floor in enumerate(FLOORS):
        if name in floor:
            return ground.union(*FLOORS[:height])
    return GROUND_MAY_IMPORT.get(name, set())


def complaints(source, module):
    """Sentences about imports that climb or leave the house by the wrong door."""
    here = room(module)
    may = allowed(here) if here else set()
    found = []
    for name in sorted(imported(source, module)):
        there = room(name)
        if there is not None and there != "__version__" and there != here and may is not None and there not in may:
            found.append(f"{module} imports {name}: {here} may import {', '.join(sorted(may)) or 'nothing'} of otrecon")
        if here != "show" and name.split(".")[0] in NOTEBOOK_TOOLS:
            found.append(f"{module} imports {name}: only otrecon.show knows notebooks")
    return found


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield (
            path,
            ".".join(part for part in parts if part != "__init__") + (".__init__" if path.stem == "__init__" else ""),
        )


@pytest.mark.parametrize(("path", "module"), [pytest.param(*found, id=found[1]) for found in modules()])
def test_no_module_climbs(path, module):
    assert complaints(path.read_text(encoding="utf-8"), module) == []


def test_every_room_has_its_floor():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= BESIDE.union(*FLOORS), "give the new room its floor in tests/test_stairs.py and CONTRIBUTING.md"
    assert {"mri", "ot", "phantoms", "data", "solvers", "lab", "show"} <= rooms


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("otrecon.mri.radial", "from otrecon.dynamic.fit import fit", True),
        ("otrecon.mri.radial", "from otrecon.ct import rays", True),
        ("otrecon.mri.radial", "from otrecon import show", True),
        ("otrecon.mri.radial", "def f():\n    from otrecon.lab import pick", True),
        ("otrecon.mri.radial", "def f():\n    import matplotlib.pyplot as plt", True),
        ("otrecon.mri.radial", "from ..show import figure", True),
        ("otrecon.phantoms.blob", "from otrecon.mri.radial import RadialMRI", True),
        ("otrecon.metrics", "from otrecon.mri import fft2c", True),
        ("otrecon.lab.scale", "import otrecon.show.glue", True),
        ("otrecon.mri.radial", "from otrecon.operators import LinearOperator\nfrom .nufft import NUFFT", False),
        ("otrecon.dynamic.fit", "from otrecon.mri import RadialMRI\nfrom otrecon import solvers", False),
        ("otrecon.show.figure", "import matplotlib\nfrom otrecon.mri import fft2c", False),
    ],
)
def test_the_rule_itself(module, source, wrong):
    assert bool(complaints(source, module)) is wrong


ROOMS = ["operators", "metrics", "phantoms", "data", "solvers", "mri", "ot", "inr", "lab", "show"]


@pytest.fixture(scope="module")
def brought_along():
    """Packages that each import brings along, in one process that has torch: the package first, then room by room."""
    code = (
        "import importlib, json, sys, torch\n"
        "before, brought = set(sys.modules), {}\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    brought[name] = sorted({module.split('.')[0] for module in set(sys.modules) - before})\n"
        "print(json.dumps(brought))\n"
    )
    names = ["otrecon", *(f"otrecon.{room}" for room in ROOMS)]
    command = [sys.executable, "-c", code, *names]
    return json.loads(subprocess.run(command, capture_output=True, check=True, cwd=PACKAGE.parent).stdout)


def test_importing_otrecon_brings_nothing_along(brought_along):
    assert brought_along["otrecon"] == ["otrecon"]


@pytest.mark.parametrize("name", ROOMS)
def test_importing_a_room_loads_nothing_heavy(name, brought_along):
    assert HEAVY.isdisjoint(brought_along[f"otrecon.{name}"])
