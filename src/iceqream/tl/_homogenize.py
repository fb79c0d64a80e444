"""Make one manifold of models that were fitted one by one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata, prepare
from iceqream._core.messages import examples, refuse_data
from iceqream._core.threads import threads
from iceqream._stored_models import stored_trajectories, write_manifold
from iceqream.inference.homogenization import SAME
from iceqream.inference.manifold_levels import TrajectoryPeaks
from iceqream.inference.shared_model import check_common, common_fit, with_common_motifs
from iceqream.models.features import SEQUENCE_FEATURES, available_features, stored_ranges
from iceqream.motifs import as_motif_set
from iceqream.tl._fit_inputs import result_table
from iceqream.tl._fit_manifold import refuse_same_text, with_params
from iceqream.tl._fitted import fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import TrajectoryModel
    from iceqream.motifs.libraries import Library
    from iceqream.tl._fitted import Fitted

logger = logging.getLogger(__name__)

_SHARED_OPTIONS = ("normalization", "min_support", "pseudo_probability", "calibrated")
_OF_PEAKS = ("preset", "min_tss_distance", "split")


def homogenize(
    data: AnnData | MuData,
    keys: Sequence[str] | Mapping[str, str],
    *,
    n_motifs: int | None = None,
    same: float = SAME,
    refine_common: bool = True,
    motifs: Library | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    key_added: str = _keys.MANIFOLD,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Give models that were fitted one by one the same motifs (paper fig. 4, METHOD section 8).

    As `fit_manifold`, from its second step. Since the models are there already, no folds can say how many motifs are
    needed: what is alike becomes one (the fused motif, PREGO, one target per model that has a member), all of these are
    offered to every trajectory, and what it does not need leaves. `n_motifs` takes the weakest out. Pairs of terms are
    sought anew.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with fitted models.
    keys
        Their keys, which become the names of the trajectories, or a dictionary of keys by name.
    n_motifs
        Common motifs at most; ``None`` keeps all that some trajectory needs.
    same
        Mean correlation of energies above which motifs are one.
    refine_common
        Whether the common motifs are refined together.
    motifs
        The library that common motifs are named after; ``None`` names them by the matches that the models keep.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the folds and of the order of the peaks.
    progress
        Whether to show progress bars.
    key_added
        Key of ``varm`` and ``uns``.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` and ``varm[key_added]`` as `fit_manifold` does. The models
    themselves stay.

    Raises
    ------
    KeyError
        If there is no model under a key.
    ValueError
        If fewer than two models are given, one holds out peaks that another learned from, they differ in features,
        width, layer, groups or constants, or `key_added` is the key of one of them.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> for name, end in [("early", "S3"), ("late", "S4")]:
    ...     library = iq.datasets.simulated_motifs()
    ...     quick = {"motifs": library, "min_tss_distance": None, "size_folds": 0, "refine": False, "max_motifs": 8}
    ...     iq.tl.fit_trajectory(adata, "S1", end, key_added=name, **quick)
    >>> iq.tl.homogenize(adata, ["early", "late"])
    >>> iq.get.model(adata, "iq_manifold")["late"].states
    ('S1', 'S4')
    """
    check_common(n_motifs, same)
    refuse_data(keys, "keys")
    given = [keys] if isinstance(keys, str) else list(keys.values() if isinstance(keys, Mapping) else keys)
    twice = [key for key in dict.fromkeys(given) if given.count(key) > 1]
    if len(given) < 2 or twice:
        said = f"{examples(twice)} twice" if twice else examples(given) or "none"
        msg = f"A manifold needs at least two models, got {said}: keys=['mono', 'ery']."
        raise ValueError(msg)
    refuse_same_text(keys if isinstance(keys, Mapping) else given)
    named = {str(n): str(k) for n, k in (keys.items() if isinstance(keys, Mapping) else zip(given, given, strict=True))}
    if key_added in named.values():
        msg = f"key_added={key_added!r} is the key of one of the models, which stay: choose another."
        raise ValueError(msg)
    library = None if motifs is None else as_motif_set(motifs)
    data, _ = prepare(data, mod, copy=copy)
    _check_single(get_adata(data, mod), named.values())
    fits = {name: fitted(data, key, mod) for name, key in named.items()}
    _check_alike(fits)
    first = next(iter(fits.values()))
    adata, options = first.adata, replace(first.options, n_denovo=0)
    every = np.unique(np.concatenate([fit.rows for fit in fits.values()]))
    trajectories = [
        TrajectoryPeaks(name, fit.model.states, np.searchsorted(every, fit.rows), fit.peaks)
        for name, fit in fits.items()
    ]
    names = [str(name) for name in first.model.features.names]
    own = [fit.model for fit in fits.values()]
    with threads(n_jobs):
        model = with_common_motifs(
            common_fit(
                first.codes,
                every,
                trajectories,
                options,
                given=available_features(adata, names),
                composition=[name for name in names if name in SEQUENCE_FEATURES],
                ranges=stored_ranges(adata),
            ),
            own,
            [[one.pbms for one in own]],
            [float(one.stats["lambda_"]) for one in own],
            [],
            library,
            n_motifs=n_motifs,
            same=same,
            refine=refine_common,
            rng=np.random.default_rng(rng),
            progress=progress,
        )
    chosen = {"n_motifs": n_motifs, "same": float(same), "refine_common": refine_common}
    params: dict[str, Any] = {**_shared_params(own), **chosen, "rng": rng if isinstance(rng, int) else None}
    model = with_params(model, params)
    if key_added in adata.uns:
        logger.warning("uns[%r] and varm[%r] are replaced", key_added, key_added)
    predicted = model.predict_values(model.values(adata))
    tables = {}
    for t, (name, fit) in enumerate(fits.items()):
        split = fit.table[_keys.SPLIT].astype(str).to_numpy()
        weights = fit.table[_keys.WEIGHT].to_numpy(dtype=np.float64) if _keys.WEIGHT in fit.table else None
        dap = fit.table[_keys.DAP].to_numpy(dtype=np.float64)
        tables[name] = result_table(
            dap, predicted[:, t], split == "train", split != "unused", weights, adata.var_names
        )  # fmt: skip
    write_manifold(adata, key_added, model, tables)
    return data if copy else None


def _check_single(adata: AnnData, keys: Iterable[str]) -> None:
    """Refuse manifolds, whose trajectories share their motifs already."""
    for key in keys:
        if stored_trajectories(adata, key):
            msg = (
                f"uns[{key!r}] holds a manifold, whose trajectories share their motifs already; keys= takes models of "
                "one trajectory each. To add a trajectory, fit all of them: iq.tl.fit_manifold."
            )
            raise ValueError(msg)


def _shared_params(models: Sequence[TrajectoryModel]) -> dict[str, Any]:
    """Return the constants of the first model, without those of its peaks that others do not share."""
    first, *others = [model.params for model in models]
    differ = [name for name in _OF_PEAKS if any(one.get(name) != first.get(name) for one in others)]
    if differ:
        logger.info("the models differ in %s, which the manifold does not keep", ", ".join(differ))
    return {name: value for name, value in first.items() if name not in differ}


def _groups(fit: Fitted) -> list[str] | None:
    """Return the group of each row that a model was fitted on; ``None`` where its states are rows."""
    column = fit.model.params.get("groupby")
    if not column:
        return None
    return fit.adata.obs[column].astype(str).tolist() if column in fit.adata.obs else [str(column)]


def _check_alike(fits: Mapping[str, Fitted]) -> None:
    """Refuse models that cannot share motifs."""
    (name, first), *others = fits.items()
    train, test = set(), set()
    for fit in fits.values():
        train |= set(fit.rows[fit.peaks.is_train].tolist())
        test |= set(fit.rows[~fit.peaks.is_train].tolist())
    both = sorted(train & test)
    if both:
        peaks = first.adata.var_names[np.array(both)]
        msg = (
            f"{len(both)} peaks are held out by one model and were learned from by another ({examples(peaks)}). Fit "
            "all with the same split, such as split='chrom' with chromosomes named, or a column of var; or use "
            "iq.tl.fit_manifold."
        )
        raise ValueError(msg)
    for other, fit in others:
        differ = [o for o in _SHARED_OPTIONS if getattr(fit.options, o) != getattr(first.options, o)]
        differ += ["width"] * (fit.model.width != first.model.width)
        differ += ["features"] * (list(fit.model.features.names) != list(first.model.features.names))
        differ += ["layer"] * (fit.model.params.get("layer") != first.model.params.get("layer"))
        differ += ["groupby"] * (_groups(fit) != _groups(first))
        differ += ["mode"] * (fit.model.pbms.mode != "sum" or first.model.pbms.mode != "sum")
        if differ:
            msg = f"The models {name!r} and {other!r} differ in {', '.join(differ)}: fit them alike (mode='sum')."
            raise ValueError(msg)
