import ast
import subprocess
import sys
from pathlib import Path

import otrecon.data


def test_importing_the_room_loads_no_file_library():
    code = (
        "import sys, otrecon.data\n"
        "heavy = {'h5py', 'scipy', 'pooch', 'requests', 'matplotlib', 'torchkbnufft', 'ptwt'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_room_imports_no_other_room():
    for path in Path(otrecon.data.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            inside = [name for name in names if name.split(".")[0] == "otrecon"]
            assert all(name.startswith("otrecon.data") for name in inside), path.name
