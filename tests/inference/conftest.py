"""Peaks with planted motifs that the parts of the inference share."""

import numpy as np
import pytest

N_PLANTED = 800


@pytest.fixture(scope="session")
def planted(library):
    """Peaks of 200 bp that open with GATA1 and FOXA2 and close with Spi1; the library has the three and five more."""
    rng = np.random.default_rng(1)
    names = ["GATA1_MA0035.5", "FOXA2_MA0047.4", "Spi1_MA0080.7"]
    others = [name for name, planted in zip(library.names, library.metadata["planted"], strict=True) if not planted]
    motifs = library[[*names, *others[:5]]]
    codes = rng.integers(0, 4, (N_PLANTED, 200), dtype=np.uint8)
    present = rng.random((N_PLANTED, 3)) < 0.5
    for m in range(3):
        matrix = motifs.matrix(m)
        for i in np.flatnonzero(present[:, m]):
            at = rng.integers(10 + 60 * m, 50 + 60 * m)
            codes[i, at : at + len(matrix)] = [rng.choice(4, p=row) for row in matrix]
    dap = np.clip(present @ [0.3, 0.2, -0.3] + rng.normal(0, 0.1, N_PLANTED), -1, 1)
    return codes, dap, motifs
