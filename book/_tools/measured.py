"""What chapters cost and proved, on their pages: the line under a title, the table of costs, the list of claims."""

from __future__ import annotations

import html
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from book._tools.execution import Run, over_budget
from otrecon.lab import scale


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the line under each title."""
    app.add_directive("chapter-costs", ChapterCosts)
    app.add_directive("collected-claims", CollectedClaims)
    app.add_directive("smoke-notice", SmokeNotice)
    app.connect("env-get-outdated", reread_collections)
    app.connect("doctree-read", show_cost)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}


def runs_of(app: Sphinx) -> dict[str, Run]:
    """Return what this build's chapters cost and said."""
    environment: Any = app.env
    return environment.otrecon_runs


class ChapterCosts(Directive):
    """A table of every chapter's measured time and peak memory beside its budget."""

    def run(self) -> list[nodes.Node]:
        """Build the table from the runs of this build."""
        app = self.state.document.settings.env.app
        rows = []
        for docname, run in runs_of(app).items():
            flag = "over budget" if over_budget([run], **app.config.otrecon_budget) else "within budget"
            link = chapter_link(self.state.document.settings.env, docname)
            rows.append(
                f"<tr><td>{link}</td><td>{run.seconds:.0f}</td><td>{run.megabytes:.0f}</td><td>{flag}</td></tr>"
            )
        head = "<tr><th>Chapter</th><th>Time (s)</th><th>Peak memory (MB)</th><th>Budget</th></tr>"
        table = f'<table class="table otrecon-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
        region = 'role="region" tabindex="0" aria-label="Time and memory of each chapter"'
        return [raw_html(f'<div style="overflow-x:auto" {region}>{table}</div>')]


class CollectedClaims(Directive):
    """Every claim that a chapter made and the build checked, with its value."""

    def run(self) -> list[nodes.Node]:
        """Build one list a chapter from the runs of this build."""
        app = self.state.document.settings.env.app
        parts = []
        for docname, run in runs_of(app).items():
            if run.claims:
                items = "".join(f"<li>{_claim_text(claim)}</li>" for claim in run.claims)
                link = chapter_link(self.state.document.settings.env, docname)
                parts.append(f'<p><strong>{link}</strong></p><ul class="otrecon-claims">{items}</ul>')
        return [raw_html(smoke_notice() + ("".join(parts) or "<p>No chapter was run.</p>"))]


def _claim_text(claim: dict[str, Any]) -> str:
    evidence = f" · <em>{html.escape(claim['evidence'])}</em>" if claim.get("evidence") else ""
    return html.escape(claim["text"]) + evidence


def chapter_link(env: Any, docname: str, label: str = "") -> str:
    """Return a link from the page at hand to a chapter or a labelled section of it, with the titles as its words."""
    target = os.path.relpath(docname, Path(env.docname).parent)
    anchor = f"#{label}" if label else ""
    return f'<a href="{target}.html{anchor}">{html.escape(chapter_title(Path(env.doc2path(docname)), label))}</a>'


def chapter_title(source: Path, label: str = "") -> str:
    """Return the title of a chapter, and that of its section with the label.

    Raises
    ------
    LookupError
        If no section of the chapter has the label.
    """
    text = source.read_text(encoding="utf-8")
    title = next(line[2:].strip() for line in text.splitlines() if line.startswith("# "))
    if not label:
        return title
    section = re.search(rf"^\({re.escape(label)}\)=\n+#+ (.+)$", text, re.MULTILINE)
    if section is None:
        raise LookupError(f"{source.name} has no section ({label})=; mend the label, or put it before a heading")
    return f"{title} · {section[1].strip()}"


def reread_collections(_app: Sphinx, env: Any, _added: set[str], changed: set[str], _removed: set[str]) -> list[str]:
    """Pages that collect from all chapters are read again at every build; so is a chapter with a new run."""
    collections = [name for name in env.found_docs if Path(name).parent.name == "back"]
    known = getattr(env, "otrecon_shown", {})
    shown = {name: asdict(run) for name, run in env.otrecon_runs.items()}
    rerun = [name for name, run in shown.items() if known.get(name) != run and name not in changed]
    env.otrecon_shown = shown
    return [*collections, *rerun]


def show_cost(app: Sphinx, doctree: nodes.document) -> None:
    """Print the measured time and memory under a chapter's title."""
    run = runs_of(app).get(app.env.docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    if run is None or title is None:
        return
    flagged = over_budget([run], **app.config.otrecon_budget)
    cores = f"{run.cores} CPU core{'' if run.cores == 1 else 's'}"
    overview = os.path.relpath("book/back/costs", Path(app.env.docname).parent)
    text = (
        f"Measured when this page was built: {run.seconds:.0f} s and {run.megabytes:.0f} MB at scale "
        f"<code>{run.scale}</code> on {cores}{'' if run.scale == 'paper' else ', no GPU'}. "
        f'<a href="{overview}.html">All chapters</a>.'
    )
    if flagged:
        text += f" <strong>Over budget: {html.escape('; '.join(flagged))}.</strong>"
    title.parent.insert(title.parent.index(title) + 1, raw_html(f'<p class="otrecon-cost">{text}</p>'))


class SmokeNotice(Directive):
    """What a page with values says where these prove nothing."""

    def run(self) -> list[nodes.Node]:
        """Say it at scale smoke, and nothing at the others."""
        return [raw_html(smoke_notice())]


def smoke_notice() -> str:
    """Return what pages with values say where these prove nothing."""
    notice = "<p><strong>This copy was built at scale smoke: claims are recorded, not enforced.</strong></p>"
    return notice if scale() == "smoke" else ""


def raw_html(text: str) -> nodes.raw:
    """Return a node that stands in the page as it is written."""
    return nodes.raw("", text, format="html")
