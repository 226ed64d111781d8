"""The ledgers of rows and errata: complete, in step with the chapters, and never a number that no run has made."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

pytest.importorskip("sphinx")

from sphinx.errors import ExtensionError

from book._tools.evidence import evidence, proof
from book._tools.execution import Run
from book._tools.extension import files_of
from book._tools.ledger import ERRATA, GLUED, ROWS, SOURCES, Erratum, Row, read
from book._tools.notebooks import code_cells
from book._tools.structure import replicated_rows
from tests.book.test_small_book import SmallBook

ROOT = Path(__file__).resolve().parents[2]
GOOD = "{id: 000-T1, kind: theory, what: A, status: replicated, shown: [{at: chapter, evidence: [One]}]}"
ERRATUM = "{id: 000-1, where: Section 1, says: A, finding: B, reason: by reading}"


@cache
def rows_of_this_book():
    return read(ROOT / ROWS, Row)


@cache
def everything():
    return [*rows_of_this_book(), *read(ROOT / ERRATA, Erratum)]


@cache
def chapters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [name for name in files_of(toc) if name not in (toc["root"],) and "/back/" not in name]
    return {name.removeprefix("book/"): ROOT / f"{name}.md" for name in names}


def a_run(*texts, **glue):
    claims = [{"text": text, "holds": True, "value": 1, "evidence": "1 px"} for text in texts]
    glued = [{"name": name, "text": text} for name, text in glue.items()]
    return Run("book/chapter", "", "cpu", 1.0, 1.0, 1, claims=claims, glue=glued)


# ---------------------------------------------------------------------------------------------------------------------
# The data files of this book


def test_every_row_of_the_sources_stands_once():
    rows = rows_of_this_book()
    assert Counter(row.id[:3] for row in rows) == {"000": 35, "001": 28, "002": 14, "003": 19, "004": 7}
    assert list(dict.fromkeys(row.id[:3] for row in rows)) == list(SOURCES), "in the order of the sources"


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_and_the_ledger_list_the_same_rows(name):
    path = chapters()[name]
    if not path.exists():
        pytest.skip(f"{name} of _toc.yml is not written yet")
    ledger = {row.id for row in rows_of_this_book() for place in row.shown if place.at.partition("#")[0] == name}
    listed = replicated_rows(path)
    assert listed - ledger == set(), f"enter them in {ROWS}, shown at {name}"
    assert ledger - listed == set(), f"name them in the section 'Replicated rows' of {name}, or mend {ROWS}"


@pytest.mark.parametrize(
    ("listed", "rows"),
    [
        ("000-E2, and in part 000-F3", {"000-E2", "000-F3"}),
        ("000-E1 to 000-E3", {"000-E1", "000-E2", "000-E3"}),
        ("000-M8 to 000-M10", {"000-M8", "000-M9", "000-M10"}),
        ("000-E1 to 001-E3", {"000-E1", "001-E3"}),
    ],
)
def test_a_chapter_may_list_a_range_of_rows(tmp_path, listed, rows):
    chapter = tmp_path / "chapter.md"
    chapter.write_text(f"---\nkernelspec: x\n---\n# A\n\n000-T1\n\n## Replicated rows\n\n- {listed}: all of it.\n")
    assert replicated_rows(chapter) == rows


def test_places_are_chapters_of_this_book():
    places = {(entry.id, place.at.partition("#")[0]) for entry in everything() for place in entry.shown}
    assert {one for one in places if one[1] not in chapters()} == set(), "mend at:, or add the chapter to _toc.yml"


@pytest.mark.parametrize("name", chapters())
def test_the_code_of_a_chapter_says_what_the_ledgers_quote(name):
    """A build finds out too, when all chapters have run; here a claim that was reworded shows at once."""
    texts, names = words_of_code(chapters()[name])
    places = [(entry.id, place) for entry in everything() for place in entry.shown]
    missing = []
    here = [(who, place) for who, place in places if place.at.partition("#")[0] == name]
    for who, text in [(who, text) for who, place in here for text in place.evidence]:
        if glued := GLUED.findall(text):
            missing += [(who, one) for one in glued if not any(re.fullmatch(known, one) for known in names)]
        elif not any(may_begin(pieces, text) for pieces in texts):
            missing.append((who, text))
    assert missing == [], f"quote what {name} says, or glue the value there"


def words_of_code(path):
    """Texts in the code of a chapter, in pieces; and patterns of the names of what it glues."""
    nodes = [node for cell in code_cells(path.read_text("utf-8"), path) for node in ast.walk(ast.parse(cell.text))]
    glues = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "show.glue"]
    inside = [node for call in glues for node in ast.walk(call)]
    names = {node.arg for node in inside if isinstance(node, ast.keyword) and node.arg}
    names |= {".+".join(map(re.escape, pieces)) for node in inside if any(pieces := pieces_of(node))}
    return {pieces for node in nodes if any(pieces := pieces_of(node))}, names


def pieces_of(node):
    """Pieces of a text between the values that are put into it; none if it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ast.JoinedStr):
        marked = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        return tuple(marked.split("\0"))
    return ()


def may_begin(pieces, beginning):
    first, *more = pieces
    return first.startswith(beginning) or (bool(more) and len(first) > 8 and beginning.startswith(first))


def test_errata_are_numbered_without_gaps():
    numbers = {}
    for erratum in read(ROOT / ERRATA, Erratum):
        source, number = erratum.id.split("-")
        numbers.setdefault(source, []).append(int(number))
    assert len(numbers["000"]) == 24
    assert {source: list(range(1, len(found) + 1)) for source, found in numbers.items()} == numbers


# ---------------------------------------------------------------------------------------------------------------------
# What is refused


def entries(tmp_path, kind, *given):
    path = tmp_path / "ledger.yml"
    path.write_text("".join(f"- {one}\n" for one in given), encoding="utf-8")
    return read(path, kind)


def test_good_entries_are_read(tmp_path):
    (row,) = entries(tmp_path, Row, GOOD)
    assert row.shown[0].evidence == ["One"]
    (erratum,) = entries(tmp_path, Erratum, ERRATUM)
    assert erratum.reason == "by reading"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (", shown: [{at: chapter, evidence: [One]}]", "", "it is replicated without evidence; write shown:"),
        ("evidence: [One]", "evidence: []", "needs a list of evidence, or a reason"),
        ("evidence: [One]", "evidence: One", "needs a list of evidence, or a reason"),
        ("evidence: [One]", "evidence: [One], reason: Two", "needs a list of evidence, or a reason"),
        ("evidence: [One]", "evidence: ['It takes {a} of 12.5 s.']", "types the number '12.5 s'"),
        ("status: replicated", "status: done", "the status 'done' is unknown; write one of replicated"),
        ("status: replicated", "status: partly", "it is partly; say in note:"),
        ("status: replicated", "status: open, note: later", "an open row is shown nowhere"),
        ("replicated, shown: [{at: chapter, evidence: [One]}]", "open", "it is open; say in note:"),
        ("id: 000-T1", "id: 005-T1", "005-T1: this id is no row's"),
        ("id: 000-T1", "id: 000-t1", "000-t1: this id is no row's"),
        ("kind: theory", "sort: theory", "unexpected keyword argument 'sort'"),
    ],
)
def test_a_row_that_is_not_in_order_is_refused(tmp_path, old, new, complaint):
    assert old in GOOD
    with pytest.raises(ExtensionError) as refusal:
        entries(tmp_path, Row, GOOD.replace(old, new))
    assert complaint in str(refusal.value)
    assert "1 to mend in ledger.yml" in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (", reason: by reading", "", "either shown:, with evidence, or reason:"),
        ("id: 000-1", "id: 000-T1", "this id is no erratum's"),
    ],
)
def test_an_erratum_that_is_not_in_order_is_refused(tmp_path, old, new, complaint):
    with pytest.raises(ExtensionError, match=complaint):
        entries(tmp_path, Erratum, ERRATUM.replace(old, new))


def test_an_entry_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(ExtensionError, match="000-T1: it stands twice"):
        entries(tmp_path, Row, GOOD, GOOD)


# ---------------------------------------------------------------------------------------------------------------------
# What is looked up


def test_a_claim_is_found_by_its_beginning_with_its_value():
    assert proof("One is", a_run("One is < two", "Three")) == "One is &lt; two: <strong>1 px</strong>"
    assert proof("One", a_run("One", "One and more")).startswith("One:"), "the whole text goes before a beginning"


def test_a_claim_that_failed_at_a_small_scale_does_not_pass_for_one_that_holds():
    run = a_run("One")
    run.claims[0]["holds"] = False
    assert proof("One", run).endswith("</strong> (it does not hold at this scale)")


def test_a_sentence_takes_glued_values():
    assert proof("It takes {a-b} of {c}.", a_run(**{"a-b": "3 %", "c": "<x>"})) == (
        "It takes <strong>3 %</strong> of <strong>&lt;x&gt;</strong>."
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Two", "no claims of book/chapter begin with 'Two'; the nearest begins "),
        ("One", "2 claims of book/chapter begin with 'One'; write more of it"),
        ("It takes {b}.", "book/chapter glues no value 'b'; write one of a"),
    ],
)
def test_what_no_run_recorded_is_not_found(text, complaint):
    with pytest.raises(LookupError) as refusal:
        proof(text, a_run("One apple", "One pear", a="3"))
    assert complaint in str(refusal.value)


@pytest.fixture
def env(tmp_path):
    """Stand in for the environment of a build with one chapter."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "chapter.md").write_text("# A chapter\n\n(start)=\n## Where?\n\n(lost)=\nText.\n")
    return SimpleNamespace(
        srcdir=tmp_path, docname="book/back/replication", doc2path=lambda name: str(tmp_path / f"{name}.md")
    )


def test_evidence_stands_under_a_link_to_its_section(tmp_path, env):
    (row,) = entries(tmp_path, Row, GOOD.replace("at: chapter", "at: chapter#start"))
    assert evidence([row], {"book/chapter": a_run("One")}, env, ROWS) == {
        "000-T1": '<p><a href="../chapter.html#start">A chapter · Where?</a></p>'
        "<ul><li>One: <strong>1 px</strong></li></ul>"
    }


def test_a_chapter_that_a_build_leaves_out_is_named_without_its_results(tmp_path, env):
    (row,) = entries(tmp_path, Row, GOOD)
    assert evidence([row], {}, env, ROWS) == {"000-T1": "<p>A chapter: left out of this build.</p>"}


def test_all_that_is_wrong_is_named_at_once(tmp_path, env):
    places = ("chapter", "gone", "chapter#nowhere", "chapter#lost")
    given = [GOOD.replace("T1", f"T{k}").replace("at: chapter", f"at: {at}") for k, at in enumerate(places, start=1)]
    with pytest.raises(ExtensionError) as refusal:
        evidence(entries(tmp_path, Row, *given), {"book/chapter": a_run("Two")}, env, ROWS)
    for complaint in (
        f"4 to mend in {ROWS}",
        "000-T1: no claims of book/chapter begin with 'One'",
        "000-T2: there is no chapter book/gone.md; mend at:",
        "000-T3: chapter.md has no section (nowhere)=; mend the label",
        "000-T4: chapter.md has no section (lost)=",
    ):
        assert complaint in str(refusal.value)


@pytest.mark.book
def test_a_build_shows_the_numbers_of_its_runs_and_stops_where_there_are_none(tmp_path):
    book = SmallBook(tmp_path)
    book.draw("from otrecon import show; return show.claim('Two is even', 2 % 2 == 0, 2)")
    (book.home / "book" / "back" / "costs.md").write_text(
        "# Rows\n\n```{smoke-notice}\n```\n\n```{replication-overview}\n```\n\n```{replicated-rows} 000\n```\n\n"
        "```{errata} 000\n```\n"
    )
    (book.home / "book" / "aside.md").write_text("# Not in this book\n")
    rows, errata = (book.home / name for name in (ROWS, ERRATA))
    rows.write_text(
        f"- {GOOD.replace('One', 'Two is')}\n"
        "- {id: 000-T2, kind: theory, what: B, status: open, note: It waits.}\n"
        f"- {GOOD.replace('T1', 'T3').replace('at: chapter', 'at: aside')}\n"
    )
    errata.write_text(f"- {ERRATUM}\n")
    passed, log = book.build()
    assert passed, log
    page = book.page("back/costs")
    for shown in (
        "<strong>2</strong>&nbsp;replicated, <strong>1</strong>&nbsp;open",
        "replicated <strong>2</strong></label>",
        '<a href="../chapter.html">A chapter</a></p><ul><li>Two is even: <strong>2</strong>',
        "Not in this book: left out of this build.",
        'id="row-000-T2" data-status="open">',
        "It waits.",
        "Evidence: by reading.",
        "This copy was built at scale smoke",
    ):
        assert shown in page
    rows.write_text(f"- {GOOD.replace('One', 'Two is odd')}\n")
    passed, log = book.build()
    assert not passed
    assert "000-T1: no claims of book/chapter begin with 'Two is odd'; the nearest begins 'Two is even'" in log
    assert not book.stamped
