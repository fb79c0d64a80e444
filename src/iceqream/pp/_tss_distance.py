"""Distance of peaks to transcription start sites."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import coordinates, prepare, write_coordinates
from iceqream._core.intervals import nearest_tss
from iceqream._core.messages import examples
from iceqream.genome import Genes, Genome

if TYPE_CHECKING:
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)


def tss_distance(
    data: AnnData | MuData,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame,
    *,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Find the nearest transcription start site of every peak on its chromosome.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData; coordinates as in `iceqream.pp.sequences`.
    genes
        GTF or BED file, a table with chrom, start, end, strand (0-based, half-open), `iceqream.Genes`, or a
        `iceqream.Genome` that has genes.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``var["tss_distance"]`` (bp from the site to the peak's centre along the
    gene's strand: negative upstream, positive downstream; int64, or float64 with NaN for peaks on a chromosome without
    genes, which count as far and are logged) and ``var["tss_gene"]`` ("" there).

    Raises
    ------
    ValueError
        If no peak lies on a chromosome with genes (for instance for a missing ``chr`` prefix), or the genes cannot be
        read.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.pp.tss_distance(adata, adata.uns["tss"])
    >>> bool((adata.var.loc[adata.var["constitutive"], "tss_distance"].abs() < 300).all())
    True
    """
    if isinstance(genes, Genome):
        if genes.genes is None:
            msg = f"{genes} has no genes: Genome(fasta, genes='genes.gtf.gz')."
            raise ValueError(msg)
        genes = genes.genes
    tss = Genes.read(genes).tss
    data, adata = prepare(data, mod, copy=copy)
    table = coordinates(adata)
    chrom = table["chrom"].to_numpy()
    centre = (table["start"].to_numpy() + table["end"].to_numpy()) // 2
    index, distance = nearest_tss(
        chrom, centre, tss["chrom"].to_numpy(), tss["position"].to_numpy(), tss["strand"].to_numpy()
    )
    none = index < 0
    if none.all():
        msg = (
            f"No peak lies on a chromosome with genes: peaks are on {examples(np.unique(chrom.astype(str)))}, genes on "
            f"{examples(tss['chrom'].unique())}. Do the names differ in the 'chr' prefix?"
        )
        raise ValueError(msg)
    if none.any():
        logger.warning(
            "%d of %d peaks lie on chromosomes without genes (%s): their distance is missing and counts as far",
            none.sum(), len(none), examples(np.unique(chrom[none].astype(str))),
        )  # fmt: skip
    write_coordinates(adata, table)
    adata.var[_keys.TSS_DISTANCE] = np.where(none, np.nan, distance) if none.any() else distance
    adata.var[_keys.TSS_GENE] = pd.Categorical(np.where(none, "", tss["gene"].to_numpy(dtype=object)[index]))
    return data if copy else None
