"""Physical binding models: a PSSM, a spatial curve, and the energies that mean 0 and 10."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._core import energy as _energy
from iceqream._core.energy import SpatialCurves
from iceqream._core.normalization import energy_range, scale
from iceqream._sequences import read_codes
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY, LocalEnergies, local_energies
from iceqream.motifs._motif_set import MotifSet, joined
from iceqream.motifs.similarity import with_own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.energy import Mode
    from iceqream._core.normalization import Scheme
    from iceqream._sequences import Sequences


def codes_of_width(sequences: Sequences, width: int, *, pad: bool = False, mod: str = _keys.ATAC) -> np.ndarray:
    """Read sequences of any form and take the central `width` bp.

    Parameters
    ----------
    sequences
        As in `iceqream.motifs.energies`.
    width
        bp.
    pad
        Whether shorter sequences are filled up with N, as many on either side.
    mod
        Modality of a MuData that holds the peaks.

    Raises
    ------
    ValueError
        If they are shorter.
    TypeError
        If they are of no form that is read.
    """
    try:
        return read_codes(sequences, width, pad=pad, mod=mod)
    except ValueError as error:
        error.add_note(f"The model was fitted on sequences of {width} bp.")
        raise


@dataclass(frozen=True, eq=False)
class PBMSet:
    """Physical binding models, stacked.

    Its methods take sequences in any form of `iceqream.motifs.energies` (of a MuData those of the modality `mod`), cut
    longer ones to the central `width` bp, and with ``pad=True`` fill shorter ones up with N around their centre (an N
    scores log2(1/4)).

    Parameters
    ----------
    motifs
        Names and PSSMs.
    spatial
        One spatial curve per motif, on common bins.
    energy_low, energy_high
        Energies (log2) that are mapped to 0 and 10, per motif.
    width
        Width of the sequences they were fitted on, bp.
    pseudo_probability
        Added to the PSSMs' probabilities before energies are computed.
    mode
        Whether windows are summed (paper eq. 2) or the best one counts (eq. 8).
    start
        Of motifs that were refined: what they started from, in the same order and on the same spatial bins, without a
        scale; ``None`` where it is not known.
    """

    motifs: MotifSet
    spatial: SpatialCurves
    energy_low: np.ndarray
    energy_high: np.ndarray
    width: int
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY
    mode: Mode = "sum"
    start: PBMSet | None = None

    def __post_init__(self) -> None:
        n = len(self.motifs)
        shapes = {"spatial": len(self.spatial.weights), "low": len(self.energy_low), "high": len(self.energy_high)}
        if any(size != n for size in shapes.values()):
            msg = f"{n} motifs need as many spatial curves and energy ranges, got {shapes}."
            raise ValueError(msg)
        if self.start is not None and self.start.spatial.weights.shape != self.spatial.weights.shape:
            now, first = self.spatial.weights.shape, self.start.spatial.weights.shape
            msg = f"Motifs and what they started from need spatial curves of the same shape, got {now} and {first}."
            raise ValueError(msg)

    @classmethod
    def uniform(
        cls,
        motifs: MotifSet,
        energy_low: np.ndarray,
        energy_high: np.ndarray,
        width: int,
        pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY,
    ) -> PBMSet:
        """Return PBMs that weigh all positions equally."""
        curves = SpatialCurves(np.ones((len(motifs), 1)), start=0, bin_size=width)
        return cls(motifs, curves, energy_low, energy_high, width, pseudo_probability)

    @classmethod
    def concat(cls, sets: Sequence[PBMSet]) -> PBMSet:
        """Return all PBMs of sets of the same width and spatial bins; names that occur again get a suffix.

        Raises
        ------
        ValueError
            If the sets differ in what they share, or none is given.
        """
        shared = {
            (p.width, p.spatial.start, p.spatial.bin_size, p.spatial.weights.shape[1], p.pseudo_probability, p.mode)
            for p in sets
        }
        if len(shared) != 1:
            said = f"(width, spatial start, bin size, bins, pseudo-probability, mode) {sorted(shared)}"
            msg = f"PBMs that join need one width, spatial bins, pseudo-probability and mode, got {said}."
            raise ValueError(msg)
        first = sets[0]
        starts = [pbms.start for pbms in sets if pbms.start is not None]
        return replace(
            first,
            motifs=joined([pbms.motifs for pbms in sets]),
            spatial=replace(first.spatial, weights=np.vstack([pbms.spatial.weights for pbms in sets])),
            energy_low=np.concatenate([pbms.energy_low for pbms in sets]),
            energy_high=np.concatenate([pbms.energy_high for pbms in sets]),
            start=cls.concat(starts) if len(starts) == len(sets) else None,
        )

    def __len__(self) -> int:
        return len(self.motifs)

    def __getitem__(self, key: str | int) -> PBM:
        """Return one PBM by name or position."""
        i = int(self.motifs._positions(key)[0])  # noqa: SLF001
        return PBM(
            str(self.motifs.names[i]),
            self.motifs.matrix(i),
            self.spatial.weights[i],
            self.spatial.start,
            self.spatial.bin_size,
            float(self.energy_low[i]),
            float(self.energy_high[i]),
            self.width,
            self.pseudo_probability,
            self.mode,
        )

    def take(self, keep: np.ndarray) -> PBMSet:
        """Return some of the PBMs, by position."""
        return replace(
            self,
            motifs=self.motifs[keep],
            spatial=SpatialCurves(self.spatial.weights[keep], self.spatial.start, self.spatial.bin_size),
            energy_low=self.energy_low[keep],
            energy_high=self.energy_high[keep],
            start=None if self.start is None else self.start.take(keep),
        )

    def beside_start(self, motifs: MotifSet, spatial: SpatialCurves) -> PBMSet:
        """Return the PBMs with what they started from."""
        nothing = np.zeros(len(motifs))
        return replace(self, start=PBMSet(motifs, spatial, nothing, nothing, self.width, self.pseudo_probability))

    def started_from(self, motifs: MotifSet, spatial: SpatialCurves) -> PBMSet:
        """Return the PBMs with what they started from, its names and how similar they still are in the metadata."""
        known = self.motifs.metadata.assign(start=motifs.names, start_similarity=with_own(self.motifs, motifs))
        return replace(self, motifs=replace(self.motifs, metadata=known)).beside_start(motifs, spatial)

    def scaled_to(self, sequences: Sequences, scheme: Scheme = "reference", support: int = 1) -> PBMSet:
        """Return the PBMs with their 0-10 scale learned on these sequences (METHOD section 3).

        `support` sequences at least reach 0 and 10; what lies beyond is clipped.
        """
        low, high = energy_range(self.energies(sequences), scheme=scheme, support=support)
        return replace(self, energy_low=low, energy_high=high)

    def energies(self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC) -> np.ndarray:
        """Return the energies, log2, float32, n x motifs (paper eq. 2)."""
        codes = codes_of_width(sequences, self.width, pad=pad, mod=mod)
        probabilities = _energy.with_pseudo_probability(self.motifs.pssm, self.pseudo_probability)
        return _energy.energies(codes, probabilities, self.motifs.lengths, mode=self.mode, spatial=self.spatial)

    def normalized_energies(self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC) -> np.ndarray:
        """Return the energies on the stored scale of 0-10, float32, n x motifs."""
        return scale(self.energies(sequences, pad=pad, mod=mod), self.energy_low, self.energy_high)

    def local_energies(self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC) -> LocalEnergies:
        """Return the energies of every window, log2, per strand, n x motifs x width (no spatial curve)."""
        codes = codes_of_width(sequences, self.width, pad=pad, mod=mod)
        return local_energies(codes, self.motifs, pseudo_probability=self.pseudo_probability)

    def normalized_local_energies(
        self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC
    ) -> np.ndarray:
        """Return both strands' local energies on the scale of 0-10, float32, n x motifs x width (NaN past the end)."""
        both = self.local_energies(sequences, pad=pad, mod=mod).both
        if len(self) == 0:
            return both
        return np.stack(
            [
                np.where(np.isnan(both[:, m]), np.nan, scale(both[:, m], self.energy_low[m], self.energy_high[m]))
                for m in range(len(self))
            ],
            axis=1,
        )


@dataclass(frozen=True, eq=False)
class PBM:
    """One physical binding model: PSSM, spatial curve and energy scale.

    Its methods take sequences as those of `PBMSet` do, in any form and, with ``pad=True``, shorter ones as well.

    Examples
    --------
    >>> import numpy as np, iceqream as iq
    >>> pbm = iq.motifs.PBM("GATA", np.eye(4)[[2, 0, 3, 0]], np.ones(1), 0, 8, -10.0, 0.0, 8)
    >>> pbm.normalized_energy(["CCGATACC", "CCCCCCCC"]).round(1).tolist()
    [9.800000190734863, 0.0]
    """

    name: str
    pssm: np.ndarray
    """Probabilities, length x 4."""
    spatial: np.ndarray
    """Weight of each spatial bin."""
    spatial_start: int
    """0-based start of the first bin, bp."""
    spatial_bin_size: int
    """bp."""
    energy_low: float
    """Energy (log2) that is mapped to 0."""
    energy_high: float
    """Energy (log2) that is mapped to 10."""
    width: int
    """Width of the sequences, bp."""
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY
    mode: Mode = "sum"
    """Whether windows are summed or the best one counts."""

    def _as_set(self) -> PBMSet:
        return PBMSet(
            MotifSet.from_dict({self.name: self.pssm}),
            SpatialCurves(np.atleast_2d(self.spatial), self.spatial_start, self.spatial_bin_size),
            np.array([self.energy_low]),
            np.array([self.energy_high]),
            self.width,
            self.pseudo_probability,
            self.mode,
        )

    def energy(self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC) -> np.ndarray:
        """Return the energy, log2, float32, n (paper eq. 2)."""
        return self._as_set().energies(sequences, pad=pad, mod=mod)[:, 0]

    def normalized_energy(self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC) -> np.ndarray:
        """Return the energy on the stored scale of 0-10, float32, n."""
        return self._as_set().normalized_energies(sequences, pad=pad, mod=mod)[:, 0]

    def local_energy(self, sequences: Sequences, *, pad: bool = False, mod: str = _keys.ATAC) -> np.ndarray:
        """Return the energy of every window on the stored scale of 0-10, float32, n x width (NaN past the end)."""
        return self._as_set().normalized_local_energies(sequences, pad=pad, mod=mod)[:, 0]
