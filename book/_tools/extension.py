"""The Sphinx extension of this book: run chapters, judge what they cost, write their editions, stay offline.

Everything that a plain `jupyter-book build .` of this repository does beyond Jupyter Book itself happens here.
"""

from __future__ import annotations

import html
import importlib.metadata
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from book._tools import colab, measured, replication, roles
from book._tools.execution import ChapterError, Executor, Run, environment_key, over_budget
from book._tools.measured import runs_of
from book._tools.site import STAMP, folder_key, source_key
from otrecon.lab import scale

ROOT = Path(__file__).resolve().parents[2]
EDITIONS = "_colab"
"""Folder of the built site that holds the notebooks which the Colab buttons open."""
MATHJAX = "tex-svg-full.js"
ALLOWED_OVERRUN = 3.0
"""A chapter this many times over its budget fails the build."""

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    if "comments_config" not in app.config.values:  # Jupyter Book sets it even where nobody comments
        app.add_config_value("comments_config", {}, "html")
    app.add_config_value("otrecon_package", str(ROOT / "otrecon"), "env")
    app.add_config_value("otrecon_constraints", str(ROOT / "constraints.txt"), "env")
    app.add_config_value("otrecon_key", "", "env")
    app.add_config_value("otrecon_tools", "", "env")  # changed machinery writes every page again
    app.add_config_value("otrecon_budget", {"seconds": 90, "megabytes": 1500}, "html")
    app.setup_extension(roles.__name__)
    app.setup_extension(measured.__name__)
    app.setup_extension(replication.__name__)
    app.connect("config-inited", prepare_config)
    app.connect("builder-inited", run_chapters, priority=900)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", finish_build)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}


def prepare_config(app: Sphinx, config: Any) -> None:
    """Point myst-nb at the cache of this environment, and MathJax at a file of the book itself."""
    config.otrecon_key = environment_key(
        Path(config.otrecon_package), Path(config.otrecon_constraints), scale(), data=_data_at_hand()
    )
    config.otrecon_tools = folder_key(Path(__file__).parent)
    config.nb_execution_cache_path = str(_executor(app).jupyter_cache)
    config.mathjax_path = f"mathjax/{MATHJAX}"


def _data_at_hand() -> str:
    folder = os.environ.get("OTRECON_DATA", "")
    if not folder or not Path(folder).is_dir():
        return ""
    return " ".join(sorted(path.name for path in Path(folder).iterdir() if path.is_dir()))


def _executor(app: Sphinx) -> Executor:
    return Executor(Path(app.outdir).parent / "execution", app.config.otrecon_key, scale=scale())


# ---------------------------------------------------------------------------------------------------------------------
# Running


def run_chapters(app: Sphinx) -> None:
    """Run each chapter whose cache is empty, one after the other, and keep what each cost."""
    executor, chapters = _executor(app), _chapters(app)
    runs: dict[str, Run] = {}
    failures: list[ChapterError] = []
    for number, (docname, notebook) in enumerate(chapters.items(), start=1):
        try:
            run, executed = executor.run(docname, notebook)
        except ChapterError as failure:
            logger.error("[%d/%d] %s", number, len(chapters), failure)
            failures.append(failure)
            continue
        runs[docname] = run
        how = "executed" if executed else "taken from the cache"
        logger.info("[%d/%d] %s: %s, %.1f s, %.0f MB", number, len(chapters), docname, how, run.seconds, run.megabytes)
    if failures:
        raise ExtensionError(f"{len(failures)} of {len(chapters)} chapters failed; see the tracebacks above.")
    environment: Any = app.env
    environment.otrecon_runs = runs


def _chapters(app: Sphinx) -> dict[str, Any]:
    """Notebooks of the table of contents, in its order, read exactly as myst-nb will read them."""
    notebooks = {}
    environment: Any = app.env
    for docname in _docnames_in_order(app):
        path = Path(environment.doc2path(docname))
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), environment.myst_config, environment.mystnb_config, text)
        if reader is not None:
            notebooks[docname] = reader.read(text)
    return notebooks


def _docnames_in_order(app: Sphinx) -> list[str]:
    toc = yaml.safe_load((Path(app.srcdir) / app.config.external_toc_path).read_text(encoding="utf-8"))
    found = app.project.discover(app.config.exclude_patterns)
    return [docname for docname in files_of(toc) if docname in found]


def files_of(toc: dict[str, Any]) -> Iterator[str]:
    """Yield the documents of a table of contents in its order, however deep: whatever is left out is not measured."""
    yield from (toc[key] for key in ("root", "file") if key in toc)
    for key in ("parts", "subtrees", "chapters", "sections", "entries"):
        for entry in toc.get(key, []):
            yield from files_of(entry)


# ---------------------------------------------------------------------------------------------------------------------
# Pages


def finish_page(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Lead the Colab button to the edition without MyST, and give the page its social card."""
    if pagename in runs_of(app):
        for group in context.get("header_buttons", []):
            for button in group.get("buttons", []):
                if button.get("text") == "Colab":
                    button["url"] = colab_url(app.config, pagename)
    card = f"{app.config.html_baseurl}_static/social-card.png"
    context["metatags"] = context.get("metatags", "") + (
        f'\n<meta property="og:title" content="{html.escape(app.config.html_title)}">'
        f'\n<meta property="og:image" content="{card}">'
        '\n<meta name="twitter:card" content="summary_large_image">'
    )


def colab_url(config: Any, docname: str) -> str:
    """Address that opens a chapter's second edition in Colab: it is published with the site, on its branch."""
    owner_and_name = config.html_theme_options["repository_url"].removeprefix("https://github.com/").strip("/")
    colab_site = config.html_theme_options["launch_buttons"]["colab_url"].rstrip("/")
    return f"{colab_site}/github/{owner_and_name}/blob/gh-pages/{EDITIONS}/{Path(docname).name}.ipynb"


def finish_build(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax, write the Colab editions, say what was over budget, and stamp a site without warnings."""
    (Path(app.outdir) / STAMP).unlink(missing_ok=True)
    if exception is not None or app.builder.format != "html":
        return
    _copy_mathjax(Path(app.outdir))
    _write_editions(app)
    runs = runs_of(app)
    budget = app.config.otrecon_budget
    for complaint in over_budget(runs.values(), **budget):
        logger.info("over budget: %s", complaint)
    if fatal := over_budget(runs.values(), **budget, factor=ALLOWED_OVERRUN):
        raise ExtensionError(f"More than {ALLOWED_OVERRUN:g} times over budget: {'; '.join(fatal)}.")
    if app._warncount:
        # Sphinx warns when it reads or writes a page, and would be silent about unchanged pages in the next build.
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)
        return
    stamp = {"sources": source_key(Path(app.srcdir)), "scale": scale(), "chapters": list(runs)}
    (Path(app.outdir) / STAMP).write_text(json.dumps(stamp, indent=1, sort_keys=True), encoding="utf-8")


def _copy_mathjax(outdir: Path) -> None:
    files = importlib.metadata.files("sphinx-mathjax-offline") or []
    source = next((file.locate() for file in files if file.name == MATHJAX), None)
    if source is None:
        raise ExtensionError(f"sphinx-mathjax-offline does not hold {MATHJAX}; install the version of constraints.txt.")
    target = outdir / "_static" / "mathjax"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(source), target / MATHJAX)


def _write_editions(app: Sphinx) -> None:
    """Write one readable notebook a chapter into the site."""
    folder = Path(app.outdir) / EDITIONS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    site = app.config.html_baseurl
    labels = _label_addresses(app, site)
    for docname, run in runs_of(app).items():
        edition = colab.to_colab(
            Path(app.env.doc2path(docname)),
            glue={item["name"]: item["text"] for item in run.glue},
            labels=labels,
            site_url=site,
            macros=app.config.mathjax3_config["tex"]["macros"],
            bibliography=Path(app.srcdir) / "book" / "references.bib",
        )
        target = folder / f"{Path(docname).name}.ipynb"
        if target.exists():
            raise ExtensionError(
                f"Two chapters are called {target.stem}; their Colab editions would be one. Rename one."
            )
        colab.write(edition, target)
        # The download button of the page hands out the same readable notebook.
        download = Path(app.outdir) / "_sources" / f"{docname}.ipynb"
        download.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, download)


def _label_addresses(app: Sphinx, site: str) -> dict[str, tuple[str, str]]:
    """Public address, and the words that stand for it, of every document, label, term and equation."""
    env = app.env
    labels = {name: (f"{site}{name}.html", env.titles[name].astext()) for name in env.found_docs}
    standard: Any = env.get_domain("std")
    for name, (docname, anchor) in standard.anonlabels.items():
        words = standard.labels.get(name, ("", "", name))[2]
        labels[name] = (f"{site}{docname}.html#{anchor}", words)
    for (kind, name), (docname, anchor) in standard.objects.items():
        if kind == "term":
            labels[name] = (f"{site}{docname}.html#{anchor}", name)
    equations: Any = env.get_domain("math")
    for name, (docname, number) in equations.equations.items():
        labels[name] = (f"{site}{docname}.html#equation-{name}", f"({number})")
    return labels
