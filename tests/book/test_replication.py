"""The ledgers of rows and errata: complete, in step with the chapters, and never a number that no run has made."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

pytest.importorskip("sphinx")

from sphinx.errors import ExtensionError

from book._tools.execution import Run
from book._tools.extension import files_of
from book._tools.replication import ERRATA, ROW_ID, ROWS, STATUSES, Erratum, Row, proof, proofs, read
from book._tools.structure import replicated_rows
from tests.book.test_small_book import SmallBook

ROOT = Path(__file__).resolve().parents[2]
GOOD = "{id: 000-T1, kind: theory, what: A, status: replicated, shown: [{at: chapter, evidence: [One]}]}"
ERRATUM = "{id: 000-1, where: Section 1, says: A, finding: B, reason: by reading}"


@cache
def rows_of_this_book():
    return read(ROOT / ROWS, Row)


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
    assert len({row.id for row in rows}) == len(rows)
    assert [row.id for row in rows if not ROW_ID.fullmatch(row.id)] == []
    assert {row.status for row in rows} <= set(STATUSES)
    assert [row.id for row in rows] == sorted((row.id for row in rows), key=lambda name: name[:3]), "by source"


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_and_the_ledger_list_the_same_rows(name):
    path = chapters()[name]
    if not path.exists():
        pytest.skip(f"{name} of _toc.yml is not written yet")
    ledger = {row.id for row in rows_of_this_book() for place in row.shown if place.at.partition("#")[0] == name}
    listed = replicated_rows(path)
    assert listed - ledger == set(), f"enter them in {ROWS}, shown at {name}"
    assert ledger - listed == set(), f"name them in the section 'Replicated rows' of {name}, or mend {ROWS}"


def test_places_are_chapters_with_these_labels():
    known = chapters()
    for entry in [*rows_of_this_book(), *read(ROOT / ERRATA, Erratum)]:
        for place in entry.shown:
            name, _, label = place.at.partition("#")
            assert name in known, f"{entry.id}: {name} is no chapter of _toc.yml"
            assert not label or f"({label})=" in known[name].read_text(encoding="utf-8"), f"{entry.id}: {place.at}"


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
        ("status: replicated", "status: open", "an open row is shown nowhere"),
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
    assert proof("One is", a_run("One is < two", "Three")) == "One is &lt; two [<strong>1 px</strong>]"
    assert proof("One", a_run("One", "One and more")).startswith("One ["), "the whole text goes before a beginning"


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


def test_all_that_is_wrong_is_named_at_once(tmp_path):
    rows = entries(tmp_path, Row, GOOD, GOOD.replace("T1", "T2").replace("at: chapter", "at: gone"))
    with pytest.raises(ExtensionError) as refusal:
        proofs(rows, {"book/chapter": a_run("Two")}, None, ROWS)
    assert "000-T1: no claims of book/chapter begin with 'One'" in str(refusal.value)
    assert "000-T2: this build ran no book/gone; mend at:" in str(refusal.value)


@pytest.mark.book
def test_a_build_shows_the_numbers_of_its_runs_and_stops_where_there_are_none(tmp_path):
    book = SmallBook(tmp_path)
    book.draw("from otrecon import show; return show.claim('Two is even', 2 % 2 == 0, 2)")
    (book.home / "book" / "back" / "costs.md").write_text(
        "# Rows\n\n```{replication-counts}\n```\n\n```{replicated-rows} 000\n```\n\n```{errata} 000\n```\n"
    )
    rows, errata = (book.home / name for name in (ROWS, ERRATA))
    rows.write_text(f"- {GOOD.replace('One', 'Two is')}\n- {{id: 000-T2, kind: theory, what: B, status: open}}\n")
    errata.write_text(f"- {ERRATUM}\n")
    passed, log = book.build()
    assert passed, log
    page = book.page("back/costs")
    for shown in (
        '<a href="../chapter.html">A chapter</a>: Two is even [<strong>2</strong>]',
        'value="replicated"> ● replicated <strong>1</strong>',
        'value="open"> ○ open <strong>1</strong>',
        'id="row-000-T2" data-status="open">',
        "Evidence: by reading.",
        "This copy was built at scale smoke",
    ):
        assert shown in page
    rows.write_text(f"- {GOOD.replace('One', 'Two is odd')}\n")
    passed, log = book.build()
    assert not passed
    assert "000-T1: no claims of book/chapter begin with 'Two is odd'; the nearest begins 'Two is even'" in log
    assert not book.stamped
