"""A slider's parameters: values, the text of each, and where the slider starts; checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Parameters
    ----------
    name
        Argument of the function.
    values
        What the function gets.
    texts
        What the reader reads, one a value.
    start
        Position where the slider starts.
    """

    name: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]
    start: int


def parameters(
    values: Mapping[str, Sequence[Any]],
    *,
    start: Mapping[str, Any],
    labels: Mapping[str, str | Callable[[Any], str]],
    units: Mapping[str, str],
) -> list[Parameter]:
    """Check and complete the parameters of a slider; arguments as in `otrecon.show.slider`.

    Raises
    ------
    ValueError
        When there is none, one has no or repeated values or texts, or a name is unknown.
    """
    if not values:
        raise ValueError("the slider has no parameter; give each as name=[values], such as blur=[0.5, 1.0, 2.0]")
    for option, given in (("start", start), ("labels", labels), ("units", units)):
        unknown = sorted(set(given) - set(values))
        if unknown:
            raise ValueError(f"{option} names {', '.join(unknown)}; the parameters are {', '.join(values)}")
    result = []
    for name, given_values in values.items():
        listed = _listed(name, given_values)
        texts = tuple(_text(name, value, labels.get(name), units.get(name, "")) for value in listed)
        repeated = sorted({text for text in texts if texts.count(text) > 1})
        if repeated:
            raise ValueError(
                f"several values of {name} read {repeated[0]!r}; give a format that tells them apart in labels="
            )
        result.append(Parameter(name, listed, texts, _start(name, start, listed)))
    return result


def _listed(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} is {values!r}; give a list of values")
    listed = tuple(value.item() if getattr(value, "shape", None) == () else value for value in values)
    if len(listed) < 2:
        raise ValueError(f"{name} has {len(listed)} values; a slider needs at least two")
    for k, value in enumerate(listed):
        if any(_same(value, other) for other in listed[:k]):
            raise ValueError(f"{name} has the value {value!r} more than once")
    return listed


def _text(name: str, value: Any, label: str | Callable[[Any], str] | None, unit: str) -> str:
    if callable(label):
        text = label(value)
    elif label is not None:
        text = label.format(value)
    else:
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        text = f"{name.replace('_', ' ')} = {shown} {unit}"
    return " ".join(str(text).split())


def _start(name: str, start: Mapping[str, Any], values: tuple[Any, ...]) -> int:
    if name not in start:
        return 0
    wanted = start[name]
    for k, value in enumerate(values):
        if _same(value, wanted):
            return k
    if isinstance(wanted, int) and not isinstance(wanted, bool) and -len(values) <= wanted < len(values):
        return wanted % len(values)
    raise ValueError(f"start of {name} is {wanted!r}; it is neither one of its values {list(values)} nor a position")


def _same(first: object, second: object) -> bool:
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)
