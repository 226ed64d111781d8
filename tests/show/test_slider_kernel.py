"""In a kernel, as nbval and Binder run it, a slider is an ipywidgets control and has been drawn once."""

import os
import sys

import nbformat
from nbclient import NotebookClient

CELL = """
from otrecon import show

calls = []

def draw(slope):
    calls.append(slope)
    fig, ax = show.subplots(width=4)
    ax.plot([0, slope])
    return fig

widget = show.slider(draw, slope=[1, 2, 3], start={"slope": 2}, alt="A line that becomes steeper with its slope.")
assert calls == [2], calls
widget
"""


def run(cell, monkeypatch, **environment):
    monkeypatch.delenv("OTRECON_STATIC", raising=False)
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    client = NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute(env={**os.environ, **environment})
    return notebook.cells[0].outputs


def test_a_kernel_gets_widgets(monkeypatch):
    (output,) = run(CELL, monkeypatch)
    assert "application/vnd.jupyter.widget-view+json" in output.data


def test_the_books_build_gets_the_page(monkeypatch):
    cell = CELL.replace("[2], calls", "[1, 2, 3], calls")
    (output,) = run(cell, monkeypatch, OTRECON_STATIC="1")
    assert output.data["text/html"].startswith('<figure class="otrecon-slider"')
    assert "<style>" not in output.data["text/html"]
    assert output.data["text/plain"].endswith("A line that becomes steeper with its slope.")
