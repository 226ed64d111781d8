"""Claims: what a chapter asserts about its own results, checked while the page is built.

A claim that holds is a green box on the page. One that does not stops the build, so that no page says what its own run
has refuted.
"""

from __future__ import annotations

import html
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otrecon.lab.scale import scale
from otrecon.show._numbers import plain, shown

__all__ = ["Claim", "ClaimError", "claim"]


class ClaimError(AssertionError):
    """A claim of the page does not hold; the message gives the claim and the value that refutes it."""


@dataclass(frozen=True)
class Claim:
    """A claim as it stands on the page.

    Attributes
    ----------
    text : str
        The sentence that is claimed.
    holds : bool
        Whether it holds.
    value : object
        The measured value behind it, as plain Python; ``None`` where there is none.
    scale : str
        Scale of the run. At ``smoke`` a claim is recorded and not enforced.
    unit : str
        Unit of the value.
    tolerance : float or None
        Tolerance that the comparison used.
    """

    text: str
    holds: bool
    value: Any
    scale: str
    unit: str = ""
    tolerance: float | None = None

    @property
    def evidence(self) -> str:
        """The value with its unit and tolerance, as the page shows it; empty where there is no value."""
        parts = [] if self.value is None else [shown(self.value, unit=self.unit)]
        if self.tolerance is not None:
            parts.append(f"tolerance {shown(self.tolerance, unit=self.unit)}")
        return ", ".join(parts)

    @property
    def verdict(self) -> str:
        """What the box says before the text."""
        return "Claim recorded at smoke scale" if self.scale == "smoke" else "Claim checked"

    def __repr__(self) -> str:
        mark = "•" if self.scale == "smoke" else "✓"
        return f"{mark} {self.verdict}: {self.text}" + (f" [{self.evidence}]" if self.evidence else "")

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        return {"text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        neutral = self.scale == "smoke"
        kind, mark = ("otrecon-claim otrecon-claim-recorded", "•") if neutral else ("otrecon-claim", "✓")
        value = f' <span class="otrecon-claim-value">{html.escape(self.evidence)}</span>' if self.evidence else ""
        # The inline border keeps the box a box where the style sheet of the book is absent, as in Colab.
        return (
            f'<div class="{kind}" role="note" aria-label="{self.verdict}" '
            'style="border-inline-start: 4px solid var(--otrecon-claim-line, #00795a); padding: 0.5em 0.8em">'
            f'<span class="otrecon-claim-mark" aria-hidden="true">{mark}</span> '
            f'<strong class="otrecon-claim-verdict">{self.verdict}:</strong> '
            f'<span class="otrecon-claim-text">{html.escape(self.text)}</span>{value}</div>'
        )


def claim(text: str, holds: Any, value: Any = None, *, tolerance: float | None = None, unit: str = "") -> Claim:
    """Assert a result of the chapter, and show it in a box on the page.

    Each claim is also appended, as one line of JSON, to the file that the environment variable ``OTRECON_CLAIMS``
    names; where it is unset nothing is written.

    Parameters
    ----------
    text
        A full sentence in plain words and Unicode, without mathematics in dollar signs: it is read aloud as it stands.
    holds
        ``bool``, ``numpy.bool`` or a boolean tensor with one element.
    value
        The measured value behind the claim: a number, a text, or a short list of these.
    tolerance
        Tolerance that the comparison used, shown beside the value.
    unit
        Unit of the value, such as ``"dB"``.

    Returns
    -------
    Claim
        The last line of a cell, so that its box is shown.

    Raises
    ------
    ClaimError
        If the claim does not hold, except at the scale ``smoke``.
    TypeError
        If ``holds`` is not a single boolean, or ``value`` is of a kind that cannot be shown.
    ValueError
        If the text is empty or holds a dollar sign, or the value is NaN.

    Examples
    --------
    >>> claim("Halving the blur doubles the iterations", ratio > 1.9, ratio)  # doctest: +SKIP
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"A claim needs a sentence; got {text!r}.")
    if "$" in text:
        raise ValueError(f"The claim {text!r} holds a dollar sign; write it in plain words and Unicode, such as ‖x‖².")
    if tolerance is not None:
        tolerance = float(plain(tolerance, "tolerance"))
    made = Claim(
        " ".join(text.split()), _boolean(holds), plain(value, f"The value of {text!r}"), scale(), unit, tolerance
    )
    _record(made)
    if not made.holds and made.scale != "smoke":
        raise ClaimError(f"This claim does not hold: {made.text}" + (f" [{made.evidence}]" if made.evidence else ""))
    return made


def _boolean(holds: Any) -> bool:
    if isinstance(holds, bool):
        return holds
    if str(getattr(holds, "dtype", "")) in ("bool", "torch.bool") and holds.shape in ((), (1,)):
        return bool(holds.item())
    raise TypeError(
        f"holds is {holds!r}, a {type(holds).__name__}; give one boolean, such as `error < 1e-3`"
        " (for many, `bool((error < 1e-3).all())`)."
    )


def _record(made: Claim) -> None:
    name = os.environ.get("OTRECON_CLAIMS")
    if not name:
        return
    entry = {
        "text": made.text,
        "holds": made.holds,
        "value": _finite(made.value),
        "scale": made.scale,
        "evidence": made.evidence,
    }
    with Path(name).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    """Infinity as text: JSON has no word for it."""
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
