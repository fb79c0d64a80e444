"""The motifs of a model, or of several models beside each other, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, sequences_of
from iceqream._core.cluster import linked
from iceqream._core.correlation import correlation_matrix
from iceqream._core.messages import examples
from iceqream._stored_models import stored_keys, stored_model
from iceqream.get._tables import effects_of, of_trajectories
from iceqream.inference.homogenization import SAME, pssm_similarity
from iceqream.models.manifold import ManifoldModel
from iceqream.models.trajectory import TrajectoryModel
from iceqream.motifs import MotifSet
from iceqream.motifs._motif_set import unique_names
from iceqream.motifs.pbm import codes_of_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData
    from mudata import MuData

_SIMILAR = 0.7
"""Of PSSMs that are one motif, at least: energies alone also correlate by the base composition."""
_OF_MODEL = ("motif", "effect", "effect_se", "effect_dap", "correlation", "residual_r2")
_OF_ROW = ("consensus", "match", "symbol", "family")


def motifs_df(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    keys: Sequence[str | TrajectoryModel | ManifoldModel]
    | Mapping[str, str | TrajectoryModel | ManifoldModel]
    | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the motifs of a model with how strongly and in which direction they act, strongest first.

    With `keys`, several models stand side by side: which motifs are the same is seen in their PSSMs and in their
    energies in the peaks of the data, not in their names.

    Parameters
    ----------
    data
        AnnData, MuData or a model.
    key, trajectory, mod
        As in `model`.
    keys
        Several models in one table, instead of `key`: keys of ``uns`` or models, or a dictionary of these by the names
        that they get (in a list a model is named by its states, a manifold ``iq_manifold``). A manifold brings all its
        trajectories, as ``name/trajectory``.

    Returns
    -------
    DataFrame, one row per motif: consensus, match and similarity (the most similar motif of the library), symbol (of
    the most similar of that family, or of all), family (on which the five most similar agree; empty where they do not,
    `motif_matches_df`), bits (information of the PSSM), effect (standard deviation, over the modelled peaks, of what
    the linear predictor loses when the motif's energy is set to 0, its pairs included; logit units; positive where more
    of the motif opens towards the end state, the other terms being equal: not the sign of `correlation`, which other
    motifs and the base composition can turn), effect_se (its standard error, given the motifs and the terms with
    weight; `iceqream.tl.stability` has bootstraps), effect_dap (the same in units of the predicted dAP), effect_own and
    effect_pairs (of what the motif adds alone, and of what its pairs add), correlation (of energy and dAP over the
    modelled peaks), residual_r2 (`iceqream.tl.residual_r2`; NaN before); of refined motifs start (the motif of the
    library, or of the model that was refined, that they started from; of a cluster its strongest member) and
    start_similarity (to the PSSM where refinement started: that motif softened, or the fused one; below 0.85 they
    became another). Columns of older models that they did not keep are NaN.
    Of a manifold without `trajectory`: of all trajectories, with the name in a first column, trajectory.

    With `keys`: one row per motif, in all models that have it. Motifs share a row where the energies of every two of
    them correlate by 0.85 at least and their PSSMs are similar by 0.7 at least (cosine); two motifs of one model never
    do. Columns have two levels, quantity and model: motif (its name there), effect, effect_se, effect_dap, correlation
    and residual_r2 of each model, NaN where it lacks the motif, so that ``table["effect"]`` is motifs x models; and for
    the row consensus, match, symbol and family (of the motif with the strongest effect, whose name is the index),
    models (how many have it), and energy_correlation and pssm_similarity, the lowest between two of them (NaN of one).

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If `keys` are given besides a key or a trajectory, are empty, or two models would have the same name.
    TypeError
        If `keys` are given without data, or hold something else.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.motifs_df(adata)["effect"].abs().is_monotonic_decreasing
    True

    >>> few = {"motifs": library, "min_tss_distance": None, "max_motifs": 4, "size_folds": 0}
    >>> iq.tl.fit_trajectory(adata, "S1", "S3", key_added="early", **few)
    >>> iq.get.motifs_df(adata, keys=["iq", "early"])["effect"].columns.tolist()
    ['iq', 'early']
    """
    if keys is None:
        return of_trajectories(_motifs, data, key, trajectory, mod)
    if trajectory is not None or key != _keys.MODEL:
        msg = "keys names all models of the table: leave key and trajectory out."
        raise ValueError(msg)
    adata = get_adata(data, mod)
    return beside_each_other(_by_name(adata, keys), sequences_of(adata))


def _motifs(fitted: TrajectoryModel) -> pd.DataFrame:
    n, motifs = len(fitted.pbms), fitted.pbms.motifs
    no_match = pd.Series("", index=motifs.names)
    table = pd.DataFrame(
        {
            "consensus": motifs.trim().consensus(),
            "match": motifs.metadata.get("match", no_match).to_numpy(),
            "similarity": motifs.metadata.get("similarity", pd.Series(np.nan, index=motifs.names))
            .astype(float)
            .to_numpy(),
            "symbol": motifs.metadata.get("symbol", no_match).to_numpy(),
            "family": motifs.metadata.get("family", no_match).to_numpy(),
            "bits": motifs.information_content().sum(axis=1),
            **effects_of(fitted, n),
        },
        index=pd.Index(motifs.names, name="motif"),
    )
    if "start" in motifs.metadata:
        table["start"] = motifs.metadata["start"].to_numpy()
        table["start_similarity"] = motifs.metadata["start_similarity"].astype(float).to_numpy()
    return table.iloc[np.argsort(-table["effect"].abs().to_numpy(), kind="stable")]


def _by_name(
    adata: AnnData, keys: Iterable[str | TrajectoryModel | ManifoldModel] | Mapping[str, object]
) -> dict[str, TrajectoryModel | ManifoldModel]:
    """Return models by the names of their columns."""
    if isinstance(keys, str):
        msg = f"keys names several models, such as [{keys!r}, 'other'], got one string; for one model use key={keys!r}."
        raise TypeError(msg)
    entries = [(str(name), one) for name, one in keys.items()] if isinstance(keys, Mapping) else [
        (one if isinstance(one, str) else "", one) for one in keys]  # fmt: skip
    named: dict[str, TrajectoryModel | ManifoldModel] = {}
    for name, one in entries:
        if not isinstance(one, str | TrajectoryModel | ManifoldModel):
            msg = f"keys holds keys of uns or models, got a {type(one).__name__}."
            raise TypeError(msg)
        model = stored_model(adata, one) if isinstance(one, str) else one
        label = name or (" -> ".join(model.states) if isinstance(model, TrajectoryModel) else _keys.MANIFOLD)
        if label in named:
            msg = f"Two models would be called {label!r}: give a dictionary of models by name."
            raise ValueError(msg)
        named[label] = model
    if not named:
        msg = f"keys is empty: name the models to compare, of {examples(stored_keys(adata)) or 'none here'}."
        raise ValueError(msg)
    return named


def beside_each_other(models: Mapping[str, TrajectoryModel | ManifoldModel], codes: np.ndarray) -> pd.DataFrame:
    """Return the table of `motifs_df` of several models; `codes` are the sequences, uint8, peaks x width."""
    tables, matrices, energies = {}, [], []
    for name, model in models.items():
        of_all = model.pbms.normalized_energies(codes_of_width(codes, model.width))
        parts = {f"{name}/{t}": model[t] for t in model} if isinstance(model, ManifoldModel) else {name: model}
        for label, one in parts.items():
            tables[label] = _motifs(one).loc[[str(motif) for motif in one.motif_names]]
            columns = model.positions(one)[: len(one.pbms)] if isinstance(model, ManifoldModel) else slice(None)
            energies.append(of_all[:, columns])
            matrices += [one.pbms.motifs.matrix(i) for i in range(len(one.pbms))]
    owner = np.repeat(np.arange(len(tables)), [len(table) for table in tables.values()])
    motifs = MotifSet.from_dict({str(i): matrix for i, matrix in enumerate(matrices)})
    correlation, similarity = correlation_matrix(np.hstack(energies)), pssm_similarity(motifs, motifs)
    # what hangs over counts more for the first motif than for the second
    similarity = (similarity + similarity.T) / 2
    row = linked(correlation, (similarity < _SIMILAR) | (owner[:, None] == owner), SAME)
    every = pd.concat([table.assign(motif=table.index) for table in tables.values()], ignore_index=True)
    every = every.assign(row=row, model=np.array(list(tables), dtype=object)[owner])
    return _rows(every, list(tables), correlation, similarity)


def _rows(every: pd.DataFrame, models: list[str], correlation: np.ndarray, similarity: np.ndarray) -> pd.DataFrame:
    """Return one row per group of alike motifs, strongest first, from a table of all motifs of all models."""
    size = every["effect"].abs().fillna(0.0)
    strongest = size.groupby(every["row"]).idxmax().loc[lambda at: (-size[at].to_numpy()).argsort(kind="stable")]
    by_model = {name: every.set_index(["row", "model"])[name].unstack() for name in _OF_MODEL}  # noqa: PD010 - no means
    wide = pd.concat({name: table.reindex(columns=models) for name, table in by_model.items()}, axis=1)
    members = {row: part.index.to_numpy() for row, part in every.groupby("row")}
    of_row = every.loc[strongest, list(_OF_ROW)].set_axis(strongest.index)
    of_row["models"] = [len(members[row]) for row in strongest.index]
    for name, values in (("energy_correlation", correlation), ("pssm_similarity", similarity)):
        of_row[name] = [_lowest(values[np.ix_(members[row], members[row])]) for row in strongest.index]
    of_row.columns = pd.MultiIndex.from_product([of_row.columns, [""]])
    table = pd.concat([of_row, wide.loc[strongest.index]], axis=1).rename_axis(columns=["quantity", "model"])
    names = [str(name) for name in every.loc[strongest, "motif"]]
    return table.set_axis(pd.Index(unique_names(names), name="motif"))


def _lowest(square: np.ndarray) -> float:
    """Return the lowest value beside the diagonal; NaN of one motif."""
    others = square[np.triu_indices(len(square), 1)]
    return float(others.min()) if len(others) else np.nan
