"""What holds the project together: pins in one place, environments that repeat none, a help that lists every target."""

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NO_PINS = [
    "pyproject.toml",
    "environment.yml",
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    ".ci/run",
    *(
        path.relative_to(ROOT).as_posix()
        for folder in ("binder", ".github/workflows")
        for path in (ROOT / folder).iterdir()
    ),
]
# name==1.2, conda's name=1.2 and name[extra]==1.2, but not name>=1.2 nor a=b in shell.
PIN = re.compile(r"\b[A-Za-z][\w.-]*(?:\[[\w,-]+\])?\s?={1,3}\s?\d+(?:\.[\d*]+)+")


def _name(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


def _requirements():
    project = PYPROJECT["project"]
    return [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]


def _pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", sorted({_name(requirement) for requirement in _requirements()} - {"otrecon"}))
def test_every_dependency_is_pinned_in_the_one_place(name):
    assert name in {_name(pinned) for pinned in _pins()}


def test_constraints_are_exact_and_each_named_once():
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][^\s=]*", line) for line in lines)
    names = [_name(line) for line in lines]
    assert len(names) == len(set(names)) > 50


def test_pyproject_has_lower_bounds_and_no_others():
    allowed_upper = {"jupyter-book"}  # its second major version is another program
    for requirement in _requirements():
        assert "==" not in requirement
        assert "<" not in requirement or _name(requirement) in allowed_upper


@pytest.mark.parametrize("name", NO_PINS)
def test_no_pin_stands_anywhere_else(name):
    # In Python an equals sign names an argument.
    text = re.sub(r"```python\n.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert PIN.findall(text) == []


@pytest.mark.parametrize("text", ["numpy==2.1.0", "- numpy=1.26", "pip install 'torch == 2.4'", "otrecon[book]==0.1"])
def test_a_pin_would_be_found(text):
    assert PIN.search(text)


@pytest.mark.parametrize(
    "text", ["python >=3.11,<3.14", "h5py>=3.8", "grep -E '^torch=='", 'python-version: "3.12"', "x=1"]
)
def test_what_is_no_pin_is_not(text):
    assert not PIN.search(text)


@pytest.mark.parametrize("name", ["environment.yml", "binder/environment.yml"])
def test_conda_brings_a_cpu_torch_and_the_supported_pythons(name):
    environment = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert "pytorch-cpu" in conda
    assert f"python {PYPROJECT['project']['requires-python']}" in conda


def test_binder_runs_its_script():
    script = ROOT / "binder" / "postBuild"
    assert script.stat().st_mode & 0o111, "repo2docker runs postBuild only if it is executable"
    assert script.read_text(encoding="utf-8").startswith("#!")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


@pytest.mark.parametrize("name", ["ci", "links", "colab", "publish"])
def test_workflows_are_there_and_run_when_they_should(name):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    triggers = workflow[True]  # YAML 1.1 reads "on" as true
    if name in ("links", "colab"):
        (entry,) = triggers["schedule"]
        assert entry["cron"].split()[2:4] == ["*", "*"]
        assert entry["cron"].split()[4].isdigit(), "weekly: on one day of the week"
    elif name == "publish":
        assert triggers["workflow_run"]["workflows"] == ["ci"]
        assert "conclusion == 'success'" in workflow["jobs"]["site"]["if"]
    else:
        assert "push" in triggers


def test_the_one_gate_runs_lint_book_and_tests():
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert {"lint", "book", "test"} <= set(re.findall(r"^make (\w+)$", gate, re.MULTILINE))
    assert "set -euo pipefail" in gate
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0


@pytest.mark.parametrize("broken", ["lint", "book", "test"])
def test_the_one_gate_fails_when_any_part_does(tmp_path, broken):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    _program(tmp_path / "bin" / "make", f'[ "$1" != {broken} ]')
    _program(tmp_path / "bin" / "chromium", "true")
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    assert subprocess.run([tmp_path / ".ci" / "run"], env=environment, check=False).returncode != 0
    _program(tmp_path / "bin" / "make", "true")
    assert subprocess.run([tmp_path / ".ci" / "run"], env=environment, check=False).returncode == 0


def _program(path, line):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.fixture
def fresh(tmp_path):
    """Run make on a fresh machine: its answer, in a folder that holds nothing but what set-up reads."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)

    def run(*arguments, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTRECON_", "MAKE"))}
        command = ["make", "-C", tmp_path, *arguments]
        return subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(("version", "allowed"), [("3, 10", False), ("3, 11", True), ("3, 13", True), ("3, 14", False)])
def test_an_unsupported_python_is_refused_before_anything_is_set_up(fresh, tmp_path, version, allowed):
    # This Python says that it is another one, and makes no environment.
    pretence = f"import sys; sys.version_info = ({version}, 0); sys.argv[1] == '-c' and exec(sys.argv[2])"
    _program(tmp_path / "bin" / "python", f'exec {sys.executable} -c "{pretence}" "$@"')
    done = fresh("test", f"PYTHON={tmp_path / 'bin' / 'python'}")
    assert done.returncode != 0
    found = version.replace(", ", ".")
    assert (f"otrecon needs Python 3.11 to 3.13, this is {found}" in done.stderr) is not allowed
    assert ("-m venv .venv" in done.stdout) is allowed


def test_set_up_happens_once_and_again_when_a_pin_changes(fresh, tmp_path):
    assert "pip install" in fresh("-n", "book").stdout
    (tmp_path / ".venv").mkdir()
    for ready in (".ready", ".ready-bench"):
        (tmp_path / ".venv" / ready).touch()
    for target in ("book", "test", "serve", "notebooks", "lint", "bench"):
        assert "pip install" not in fresh("-n", target).stdout
    later = (tmp_path / ".venv" / ".ready").stat().st_mtime + 10
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert "pip install" in fresh("-n", "book").stdout


def test_the_book_is_made_at_the_scale_that_is_asked_for(fresh):
    assert "OTRECON_SCALE=cpu " in fresh("-n", "book").stdout
    assert "OTRECON_SCALE=smoke " in fresh("-n", "book", OTRECON_SCALE="smoke").stdout
    assert "OTRECON_SCALE=paper " in fresh("-n", "book", "SCALE=paper", OTRECON_SCALE="smoke").stdout


def test_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", text, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
    assert targets == phony
    assert {"book", "test", "serve", "notebooks", "lint", "bench", "clean", "help"} <= targets
    shown = subprocess.run(["make", "-s", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^\s*make (\S+)\s+\S", shown, re.MULTILINE)
    assert sorted(listed) == sorted(targets)


def test_citation_follows_its_schema_and_the_package():
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.citation-file-format",
        "CITATION.cff",
    ]
    check = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PYPROJECT["project"]["version"]
    assert citation["license"] == PYPROJECT["project"]["license"]


def test_chapters_import_only_what_a_notebook_installs():
    """A chapter on Binder or Colab has the package with its extra "notebook", and nothing else."""
    project = PYPROJECT["project"]
    listed = project["dependencies"] + project["optional-dependencies"]["notebook"]
    installed = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in listed} | {"otrecon"}
    modules = {"scikit-image": "skimage", "pot": "ot", "pillow": "PIL"}
    allowed = {modules.get(name, name) for name in installed} | sys.stdlib_module_names
    imported = set()
    for chapter in (ROOT / "book").rglob("*.ipynb"):
        for cell in json.loads(chapter.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                tree = ast.parse("".join(cell["source"]))
                for node in ast.walk(tree):
                    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                    names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                    imported |= {name.split(".")[0] for name in names}
    assert {"otrecon", "torch"} <= imported
    assert imported <= allowed, f"not in the extra notebook: {sorted(imported - allowed)}"
