"""What is taken as a library of motifs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from iceqream.motifs._motif_set import Motif, MotifSet
from iceqream.motifs.databases import jaspar
from iceqream.motifs.readers import read

Library: TypeAlias = MotifSet | str | PathLike[str] | Mapping[str, Any]

_ACCEPTED = (
    "a library is a MotifSet (such as iq.motifs.jaspar() or iq.motifs.library()), the path of a motif file (MEME, "
    "JASPAR, HOMER, TRANSFAC, table), or a dictionary of name -> length x 4 matrix"
)
_FUNCTIONS = ("jaspar", "hocomoco", "pyprego", "library")
"""Of `iceqream.motifs`, each of which returns a library."""


def as_motif_set(motifs: Library | None = None) -> MotifSet:
    """Return a motif library in any form as a MotifSet. Every function that takes a library takes all of these.

    Parameters
    ----------
    motifs
        A MotifSet; the path of a file, as in `iceqream.motifs.read`; a dictionary of name to matrix (length x 4,
        probabilities or counts); ``None`` is ``iq.motifs.jaspar()``, whatever else is installed.

    Returns
    -------
    MotifSet

    Raises
    ------
    TypeError
        For anything else.
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file or matrix cannot be read.

    Examples
    --------
    >>> import iceqream as iq
    >>> iq.motifs.as_motif_set({"GATA": [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]}).consensus()
    ['GATA']
    """
    if motifs is None:
        return jaspar()
    if isinstance(motifs, MotifSet):
        return motifs
    if isinstance(motifs, str | PathLike):
        if not Path(motifs).exists():
            near = difflib.get_close_matches(str(motifs).casefold(), _FUNCTIONS, n=1, cutoff=0.7)
            hint = f" Did you mean motifs=iq.motifs.{near[0]}()?" if near else ""
            msg = f"There is no motif file {str(motifs)!r}: {_ACCEPTED}.{hint}"
            raise FileNotFoundError(msg)
        return read(motifs)
    if isinstance(motifs, Mapping):
        return MotifSet.from_dict({k: m.pssm if isinstance(m, Motif) else m for k, m in motifs.items()})
    hint = ""
    if isinstance(motifs, list | tuple) and all(isinstance(name, str) for name in motifs):
        hint = " Motifs of a set are chosen by name: iq.motifs.jaspar()[names]."
    msg = f"motifs is a {type(motifs).__name__}; {_ACCEPTED}.{hint}"
    raise TypeError(msg)
