"""Which of the factors that a motif may stand for is expressed where the motif is active."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from scipy.stats import t as student

from iceqream import _keys
from iceqream._anndata import get_adata, is_mudata, prepare
from iceqream._core.correlation import LARGEST_R, correlations
from iceqream._core.messages import examples
from iceqream._groups import group_weights
from iceqream._stored_models import check_no_model
from iceqream.get import motif_activity_df
from iceqream.get._lineages import stored_answer
from iceqream.get._model_motifs import model_motifs
from iceqream.motifs.paralogues import candidate_factors
from iceqream.tl._rna import expression_over, gene_of_symbol

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream._groups import Groups
    from iceqream.motifs.pbm import PBMSet
    from iceqream.tl._rna import Expression

logger = logging.getLogger(__name__)

MIN_ROWS = 4
MIN_MEAN = 0.02


def tf_expression(
    data: AnnData | MuData,
    *,
    key: str | None = None,
    trajectory: str | None = None,
    activity_key: str = _keys.MOTIF_ACTIVITY,
    groupby: Groups | None = None,
    method: Literal["spearman", "pearson"] = "spearman",
    family: bool = True,
    min_mean: float = MIN_MEAN,
    symbols: str | None = None,
    layer: str | None = None,
    rna: str = _keys.RNA,
    mod: str = _keys.ATAC,
    key_added: str = _keys.TF_EXPRESSION,
    copy: bool = False,
) -> MuData | None:
    """Correlate the expression of every factor that a motif may stand for with the motif's activity (fig. 2H).

    Factors of a family bind the same sites: which of them acts is told by which is expressed where the motif is active.
    A motif may stand for the factors of the library motifs that it resembles, and for the members of their families in
    JASPAR. Within a motif they are ranked by correlation, highest first: what opens sites when it is expressed. A
    factor that closes them stands at the end, with a negative one.

    p is that of a correlation of independent rows (Student's t), q its false discovery rate over all pairs of motif and
    factor (Benjamini and Hochberg, statsmodels). Metacells along one lineage are not independent: neighbours resemble
    each other, any two genes that rise along it correlate, and p is far too small. It orders candidates and no more;
    with `groupby`, n is the number of groups, which is nearer to the truth.

    Parameters
    ----------
    data
        MuData with peaks and RNA.
    key, trajectory
        Model whose motifs were measured; ``None`` takes the one that `iceqream.tl.motif_activity` took. Of activities
        of a whole manifold a trajectory takes the motifs that it uses.
    activity_key
        Key where `iceqream.tl.motif_activity` wrote.
    groupby
        Groups of rows to compare instead of rows: activities are averaged, counts are summed. Needed where peaks and
        RNA have different cells.
    method
        Of correlation.
    family
        Whether members of the family count besides the factors of similar motifs.
    min_mean
        Factors with a lower mean expression over the rows are left out: log1p of counts per 10,000.
    symbols
        Column of the RNA's ``var`` with gene symbols; ``None`` takes the names of the genes, or where these are
        Ensembl's, a usual column (``gene_symbols``, ``gene_name``, ``feature_name``, ...). Case and separators make no
        difference.
    layer
        Counts of the RNA; ``None`` takes ``X``. Counts are brought to 10,000 per row and their log1p taken (scanpy);
        values that are no counts are taken as normalised.
    rna, mod
        Modalities of RNA and peaks.
    key_added
        Key of ``uns`` of the modality of peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` of the modality of peaks, which
    `iceqream.get.tf_expression_df` and `iceqream.get.expression_df` read.

    Raises
    ------
    KeyError
        If there are no activities, modality or column.
    TypeError
        If the data are no MuData.
    ValueError
        If fewer than four rows have both peaks and RNA, none of the factors is a gene of the RNA, or genes have the
        same name.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=600, rng=0)
    >>> options = dict(motifs=iq.datasets.simulated_motifs(), min_tss_distance=None, preset="paper")
    >>> iq.tl.fit_trajectory(mdata, "S1", "S4", groupby="state", **options)
    >>> iq.tl.motif_activity(mdata)
    >>> iq.tl.tf_expression(mdata)
    >>> iq.get.tf_expression_df(mdata).query("motif == 'GATA'")["gene"].iloc[0]
    'GATA1'
    """
    if not is_mudata(data):
        msg = f"Expression is compared within a MuData of peaks and RNA, got {type(data).__name__}."
        raise TypeError(msg)
    if method not in {"spearman", "pearson"}:
        msg = f"method must be 'spearman' or 'pearson', got {method!r}."
        raise ValueError(msg)
    stored = stored_answer(data, activity_key, _keys.MOTIF_ACTIVITY, mod)
    taken = stored["params"]
    whole = str(taken["trajectory"]) == ""
    key, trajectory = key or str(taken["key"]), trajectory or str(taken["trajectory"]) or None
    pbms, _ = model_motifs(data, key, trajectory, mod)
    activity = _activity(data, activity_key, groupby, rna, mod)
    if whole and trajectory is not None:
        activity = activity.loc[:, activity.columns.isin(list(map(str, pbms.motifs.names)))]
        logger.info("the %d motifs that %s uses", activity.shape[1], trajectory)
    candidates = _candidates(pbms, activity, key, family=family)
    source = get_adata(data, rna)
    position = gene_of_symbol(source, candidates["symbol"], symbols, layer)
    candidates = _in_rna(candidates, position, source, symbols)
    genes = np.array(list(dict.fromkeys(candidates["position"])), dtype=np.int64)
    names = source.var_names[genes]
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        msg = f"Genes of the RNA have the same name: {examples(repeated)}. Run mdata[{rna!r}].var_names_make_unique()."
        raise ValueError(msg)
    found = expression_over(data, activity.index, genes, rna=rna, layer=layer, groupby=groupby)
    table = _compared(candidates, genes, activity, found, method, min_mean)
    check_no_model(data, key_added, mod)
    data, adata = prepare(data, mod, copy=copy)
    kept = found.table.loc[:, found.table.columns.isin(set(table["gene"]))]
    adata.uns[key_added] = {
        "kind": _keys.TF_EXPRESSION,
        **{str(name): column.to_numpy() for name, column in table.items()},
        "rows": _texts(kept.index),
        "genes": _texts(kept.columns),
        "expression": kept.to_numpy(),
        "motif_names": _texts(activity.columns),
        "activity": activity.to_numpy(dtype=np.float32),
        "params": {
            "key": key,
            "trajectory": trajectory or "",
            "activity_key": activity_key,
            "groupby": groupby if isinstance(groupby, str) else "",
            "grouped": groupby is not None,
            "method": method,
            "min_mean": float(min_mean),
        },
    }
    return data if copy else None


def _texts(values: Any) -> np.ndarray:
    return np.array([str(value) for value in values], dtype=object)


def _activity(data: MuData, key: str, groupby: Groups | None, rna: str, mod: str) -> pd.DataFrame:
    """Return the activities of the rows (or groups) that have RNA as well."""
    table = motif_activity_df(data, key, mod=mod)
    if groupby is None:
        shared = table.index.isin(get_adata(data, rna).obs_names)
        where = "rows of the peaks have RNA of the same name"
        remedy = "Pass groupby=... to compare groups of cells"
    else:
        names, weights = group_weights(data, groupby, mod)
        table = pd.DataFrame(weights @ table.to_numpy(dtype=np.float64), index=names, columns=table.columns)
        shared = table.index.isin(group_weights(data, groupby, rna)[0])
        where = "groups have both peaks and RNA"
        remedy = "Group more finely, or compare metacells"
    table.index = table.index.astype(str)
    n = int(shared.sum())
    if n < MIN_ROWS:
        msg = f"Only {n} of {len(table)} {where}; {MIN_ROWS} are needed for a correlation. {remedy}."
        raise ValueError(msg)
    if n < len(table):
        logger.warning("%d of %d rows have no RNA and are left out, for instance %s", len(table) - n, len(table),
                       examples(table.index[~shared]))  # fmt: skip
    return table[shared]


def _candidates(pbms: PBMSet, activity: pd.DataFrame, key: str, *, family: bool) -> pd.DataFrame:
    unknown = activity.columns.difference(pd.Index(pbms.motifs.names))
    if len(unknown) or activity.shape[1] == 0:
        msg = (
            f"Activities are of {len(unknown)} motifs that the model in uns[{key!r}] does not have "
            f"({examples(unknown)}): run iq.tl.motif_activity again."
        )
        raise ValueError(msg)
    table = candidate_factors(pbms.motifs[list(activity.columns)])
    return table if family else table[table["source"] == "match"]


def _in_rna(candidates: pd.DataFrame, position: dict[str, int], source: AnnData, symbols: str | None) -> pd.DataFrame:
    """Return the candidates that are genes of the RNA, and say which motifs have none."""
    n_motifs = candidates["motif"].nunique()
    table = candidates[candidates["symbol"].isin(position)]
    if table.empty:
        named = source.var_names if symbols is None else source.var[symbols]
        msg = (
            f"None of the {candidates['symbol'].nunique()} factors ({examples(candidates['symbol'].unique())}) is a "
            f"gene of the RNA ({examples(named)}). If these are no symbols, pass symbols=... with a column of var."
        )
        raise ValueError(msg)
    table = table.assign(position=[position[symbol] for symbol in table["symbol"]])
    table = table.drop_duplicates(["motif", "position"])
    lost = [m for m in candidates["motif"].unique() if m not in set(table["motif"])]
    logger.info("%d factors of %d motifs are genes of the RNA%s", table["position"].nunique(), n_motifs - len(lost),
                f"; {len(lost)} motifs have none: {examples(lost)}" if lost else "")  # fmt: skip
    return table


def _compared(
    candidates: pd.DataFrame,
    genes: np.ndarray,
    activity: pd.DataFrame,
    found: Expression,
    method: str,
    min_mean: float,
) -> pd.DataFrame:
    """Return one row per motif and expressed factor with their correlation, best first within each motif."""
    from statsmodels.stats.multitest import multipletests

    expression = found.table.to_numpy(dtype=np.float64)
    mean = expression.mean(axis=0)
    low = (mean < min_mean) | (expression.std(axis=0) == 0)
    if low.any():
        logger.info("%d of %d factors are hardly expressed (mean below %g, or constant) and left out: %s", low.sum(),
                    len(genes), min_mean, examples(found.table.columns[low]))  # fmt: skip
    column = {int(gene): i for i, gene in enumerate(genes) if not low[i]}
    table = candidates[candidates["position"].isin(column)]
    if table.empty:
        msg = f"All {len(genes)} factors in the RNA have a mean expression below {min_mean:g}: lower min_mean."
        raise ValueError(msg)
    one, other = activity.to_numpy(dtype=np.float64), expression
    if method == "spearman":
        one, other = rankdata(one, axis=0), rankdata(other, axis=0)
    motif = activity.columns.get_indexer(pd.Index(table["motif"]))
    gene = np.array([column[position] for position in table["position"]])
    r = correlations(one, other)[motif, gene]
    free = len(one) - 2
    limited = np.clip(r, -LARGEST_R, LARGEST_R)
    p = 2 * student.sf(np.abs(limited) * np.sqrt(free / (1 - limited**2)), free)
    out = pd.DataFrame(
        {
            "motif": _texts(table["motif"]),
            "symbol": _texts(table["symbol"]),
            "gene": _texts(found.table.columns[gene]),
            "source": _texts(table["source"]),
            "correlation": r,
            "p": p,
            "q": multipletests(p, method="fdr_bh")[1],
            "mean_expression": mean[gene],
            "fraction": found.fraction[gene],
        }
    )
    order = np.lexsort((np.arange(len(out)), -r, motif))
    out = out.iloc[order].reset_index(drop=True)
    return out.assign(rank=out.groupby("motif", sort=False).cumcount() + 1)
