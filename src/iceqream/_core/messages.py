"""Wording shared by error messages."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def about(what: str) -> Iterator[None]:
    """Begin the message of an error that is raised inside with what it is about."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        error.args = (f"{what}: {error.args[0]}", *error.args[1:]) if error.args else (what,)
        raise


def refuse_data(value: object, what: str) -> None:
    """Refuse an AnnData or MuData where values are wanted: numpy would iterate a MuData for ever.

    Raises
    ------
    TypeError
        If it has names of rows and columns.
    """
    if hasattr(value, "obs_names") and hasattr(value, "var_names"):
        msg = f"{what} cannot be a {type(value).__name__}: give an array, or the name of a column where there is one."
        raise TypeError(msg)


def examples(items: Iterable[object], n: int = 3) -> str:
    """Join up to `n` items for a message and show by '...' that there are more."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:n]) + (", ..." if len(texts) > n else "")


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """Return a sentence with the known names nearest to a mistaken one, whatever the case; empty if none is near.

    That is the name with nearly the same letters, or else up to three that contain it.
    """
    texts = {str(item).casefold(): str(item) for item in known}
    asked = name.casefold()
    near = difflib.get_close_matches(asked, texts, n=1, cutoff=0.7)
    if not near and asked.strip():
        near = [text for text in texts if asked in text][:3]
    return f" Did you mean {' or '.join(repr(texts[text]) for text in near)}?" if near else ""


def known_names(names: str | Iterable[object], known: Iterable[object], where: str, *, hint: str = "") -> list[str]:
    """Return one name or several as a list.

    `where` begins the message, such as "The model has no motif"; `hint` ends it where no known name is near.

    Raises
    ------
    KeyError
        If some are not known.
    """
    asked = [names] if isinstance(names, str) else [str(name) for name in names]
    there = [str(name) for name in known]
    unknown = [name for name in asked if name not in set(there)]
    if unknown:
        near = did_you_mean(unknown[0], there)
        msg = f"{where} {examples(unknown)}; there is {examples(there) or 'none'}.{near or hint}"
        raise KeyError(msg)
    return asked
