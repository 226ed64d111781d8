"""Chapters are measured, run again when and only when something they depend on changed, and fail loudly."""

import os

import nbformat
import pytest

from book._tools import execution
from book._tools.execution import ChapterError, Executor, Run, environment_key, over_budget


def notebook(*cells):
    content = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    content.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    return content


@pytest.fixture
def sources(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "a.py").write_text("value = 1\n")
    (tmp_path / "constraints.txt").write_text("numpy==2\n")
    return tmp_path


def key(sources, scale="cpu", data=""):
    return environment_key(sources / "package", sources / "constraints.txt", scale, data=data)


def test_key_follows_everything_that_can_change_an_output(sources):
    keys = [key(sources), key(sources, scale="smoke"), key(sources, data="rat-cine")]
    (sources / "constraints.txt").write_text("numpy==3\n")
    keys.append(key(sources))
    (sources / "package" / "a.py").write_text("value = 2\n")
    keys.append(key(sources))
    (sources / "package" / "a.py").rename(sources / "package" / "b.py")
    keys.append(key(sources))
    assert len(set(keys)) == len(keys)
    (sources / "package" / "__pycache__").mkdir()
    (sources / "package" / "__pycache__" / "b.pyc").write_bytes(b"compiled")
    assert key(sources) == keys[-1]


def test_run_measures_and_collects_and_is_taken_from_the_cache(tmp_path):
    executor = Executor(tmp_path, "key", scale="smoke")
    chapter = notebook(
        "import json, os, time\nhoard = b'x' * 200_000_000\ntime.sleep(0.5)",
        "open(os.environ['OTRECON_CLAIMS'], 'a').write(json.dumps({'text': os.environ['OTRECON_SCALE']}) + chr(10))",
        "open(os.environ['OTRECON_GLUE'], 'a').write(json.dumps({'name': 'n', 'text': '1'}) + chr(10))",
    )
    run, executed = executor.run("part/one", chapter)
    assert executed
    assert 0.5 <= run.seconds < 60
    assert run.megabytes > 200
    assert run.claims == [{"text": "smoke"}]
    assert run.glue == [{"name": "n", "text": "1"}]
    again, executed = Executor(tmp_path, "key", scale="smoke").run("part/one", chapter)
    assert (again, executed) == (run, False)


def test_a_result_measured_anew_runs_the_chapters_that_show_it(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "RESULTS", tmp_path / "results")
    (tmp_path / "results" / "sub").mkdir(parents=True)
    for name in ("one", "sub/two"):
        (tmp_path / "results" / f"{name}.json").write_text("{}")
    executor = Executor(tmp_path / "cache", "key", scale="smoke")
    shows = notebook("# lab.results('one') and lab.results(f\"sub/{name}\")")
    silent = notebook("print(2)")
    assert [executor.run("shows", shows)[1], executor.run("silent", silent)[1]] == [True, True]
    for name in ("one", "sub/two"):
        assert not executor.run("shows", shows)[1]
        (tmp_path / "results" / f"{name}.json").write_text('{"rows": []}')
        assert [executor.run("shows", shows)[1], executor.run("silent", silent)[1]] == [True, False]


def test_changed_code_runs_again_and_changed_prose_does_not(tmp_path):
    executor = Executor(tmp_path, "key", scale="smoke")
    chapter = notebook("print(1)")
    executor.run("one", chapter)
    chapter.cells.insert(0, nbformat.v4.new_markdown_cell("A sentence."))
    assert not executor.run("one", chapter)[1]
    chapter.cells[1].source = "print(2)"
    assert executor.run("one", chapter)[1]


def test_a_failing_chapter_is_an_error_with_its_traceback_and_is_not_cached(tmp_path):
    executor = Executor(tmp_path, "key", scale="smoke")
    for _ in range(2):
        with pytest.raises(ChapterError, match=r"(?s)one: .*1/0.*ZeroDivisionError"):
            executor.run("one", notebook("1/0"))


def test_a_refuted_claim_fails_even_in_a_cell_that_may_raise_but_not_at_smoke_scale(tmp_path):
    chapter = notebook("from otrecon import show\nshow.claim('Two is odd', 2 % 2 == 1, 0)")
    chapter.cells[0].metadata["tags"] = ["raises-exception"]
    with pytest.raises(ChapterError, match=r"one: this claim does not hold: Two is odd \[0\]"):
        Executor(tmp_path, "cpu", scale="cpu").run("one", chapter)
    run, _ = Executor(tmp_path, "smoke", scale="smoke").run("one", chapter)
    assert [claim["holds"] for claim in run.claims] == [False]


def test_a_chapter_runs_again_when_data_that_it_names_have_come(tmp_path, monkeypatch):
    data = tmp_path / "data"
    monkeypatch.setenv("OTRECON_DATA", str(data))
    monkeypatch.setenv("OTRECON_CACHE", str(tmp_path / "nothing"))
    executor = Executor(tmp_path / "execution", "key", scale="smoke")
    names, other = notebook("name = 'rat-cine'"), notebook("name = 'nothing'")
    executor.run("names", names)
    executor.run("other", other)
    (data / "rat-cine").mkdir(parents=True)
    (data / "rat-cine" / "dataCine8fr.mat").write_bytes(b"")
    run, executed = executor.run("names", names)
    assert (run.data, executed) == (["rat-cine/dataCine8fr.mat"], True)
    assert not executor.run("names", names)[1]
    assert not executor.run("other", other)[1]


def test_folders_of_data_reach_the_kernel_whatever_folder_it_works_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTRECON_DATA", "here")
    monkeypatch.setenv("OTRECON_CACHE", "there")
    code = "import os\nassert [os.environ[f'OTRECON_{n}'] for n in ('DATA', 'CACHE')] == "
    chapter = notebook(code + repr([str(tmp_path / "here"), str(tmp_path / "there")]))
    assert Executor(tmp_path, "key", scale="smoke").run("one", chapter)[1]


@pytest.mark.parametrize(("scale", "seen"), [("smoke", ""), ("cpu", ""), ("paper", "3")])
def test_a_gpu_is_hidden_from_chapters_except_at_paper_scale(tmp_path, monkeypatch, scale, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    chapter = notebook(f"import os\nassert os.environ['CUDA_VISIBLE_DEVICES'] == {seen!r}")
    assert Executor(tmp_path, "key", scale=scale).run("one", chapter)[1]


def test_old_environments_are_forgotten(tmp_path):
    for number in range(5):
        home = Executor(tmp_path, f"key{number}", scale="smoke").home
        os.utime(home, (number, number))
    # The newest home always stays, here with the oldest date of all.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key2", "key3", "key4"]


def test_budget_names_the_chapter_and_both_limits():
    run = Run("part/one", "key", "cpu", seconds=100.0, megabytes=1600.0, cores=2)
    complaints = over_budget([run], seconds=90, megabytes=1500)
    assert complaints == [
        "part/one took 100 s; its budget is 90 s",
        "part/one peaked at 1600 MB; its budget is 1500 MB",
    ]
    assert over_budget([run], seconds=90, megabytes=1500, factor=3) == []
    assert over_budget([run], seconds=90, megabytes=1700, longer={"part/one": 120}) == []
    assert over_budget([run], seconds=90, megabytes=1700, longer={"part/two": 120}) == complaints[:1]
