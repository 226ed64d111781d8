import subprocess
import sys


def test_importing_the_room_loads_no_file_library():
    code = (
        "import sys, otrecon.data\n"
        "heavy = {'h5py', 'scipy', 'pooch', 'requests', 'matplotlib', 'torchkbnufft', 'ptwt'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
