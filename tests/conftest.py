"""Shared fixtures: the team's folder of reference numbers (absent for users), and small fitted models."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import iceqream as iq

mpl.use("Agg")
os.environ.setdefault("TQDM_DISABLE", "1")
SHARED = Path(os.environ.get("ICEQREAM_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and real data."""
    if not (SHARED / "golden").is_dir():
        pytest.skip("the shared folder of reference numbers is not here")
    return SHARED


@pytest.fixture(scope="session")
def golden(shared):
    """Reader of a reference table."""

    def read(name: str, **options) -> pd.DataFrame:
        return pd.read_csv(shared / "golden" / "reference" / name, sep="\t", **options)

    return read


@pytest.fixture(scope="session")
def library():
    """Thirty JASPAR motifs, six of which the simulation plants."""
    return iq.datasets.simulated_motifs()


@pytest.fixture(scope="session")
def _simulated():
    adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    iq.pp.tss_distance(adata, adata.uns["tss"])
    return adata


@pytest.fixture(scope="session")
def _fitted(_simulated, library):
    adata = _simulated.copy()
    # nothing interacts here, and cross-validation sees it; twelve motifs are the six planted ones and some to spare
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, interactions="cv", max_motifs=12)
    return adata


@pytest.fixture(scope="session")
def quick():
    """Options of a small model, where it does not matter what the model is."""
    return {"max_motifs": 4, "size_folds": 0, "interactions": False}


@pytest.fixture
def simulated(_simulated):
    """1,500 simulated peaks with start-site distances."""
    return _simulated.copy()


@pytest.fixture
def fitted(_fitted):
    """The same with a fitted model."""
    return _fitted.copy()


@pytest.fixture(scope="session")
def _compared(_simulated, library):
    adata = _simulated.copy()
    iq.tl.cross_validate(
        adata, "S1", "S4", motifs=library, folds=3, interactions=False, min_residual_r2=0.0, selection_lambda=2e-3,
        lambda_=1e-3, learning="clusters", refine=False, compare={"default": {}, "few motifs": {"max_motifs": 2}},
    )  # fmt: skip
    return adata


@pytest.fixture
def compared(_compared):
    """The same with thirty and with two motifs compared in three random folds."""
    return _compared.copy()


@pytest.fixture(scope="session")
def _simulated_manifold():
    return iq.datasets.simulated_manifold(n_peaks=1200, rng=0)


@pytest.fixture(scope="session")
def _branches(_simulated_manifold):
    adata = _simulated_manifold.copy()
    library = iq.datasets.simulated_motifs(decoys=False, manifold=True)
    trajectories = {f"to {name}/3": tuple(ends) for name, ends in adata.uns["trajectories"].items()}
    iq.tl.fit_manifold(adata, trajectories, motifs=library, min_tss_distance=None, max_motifs=9, size_folds=2,
                       progress=False)  # fmt: skip
    return adata


@pytest.fixture
def simulated_manifold(_simulated_manifold):
    """1,200 simulated peaks in ten states, three trajectories from one stem."""
    return _simulated_manifold.copy()


@pytest.fixture
def branches(_branches):
    """The same with a model of the three trajectories, named ``to A/3``, ``to B/3`` and ``to C/3``."""
    return _branches.copy()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def _full(_fitted):
    adata = _fitted.copy()
    iq.tl.add_interactions(adata, lambda_=1e-3)
    iq.tl.residual_r2(adata)
    return adata


@pytest.fixture
def full(_full):
    """A fitted model with interactions and residual R2."""
    return _full.copy()


@pytest.fixture(scope="session")
def _compared_models(_full, library):
    adata = _full.copy()
    iq.tl.compare_models(adata, motifs=library)
    return adata


@pytest.fixture
def compared_models(_compared_models):
    """The same with other models compared to it."""
    return _compared_models.copy()


@pytest.fixture(scope="session")
def _multiome(_fitted):
    mdata = iq.datasets.simulated_multiome(n_peaks=1000, n_metacells=16, rng=1)
    # the same factors act there: no fit of its own
    mdata["atac"].uns["iq"] = _fitted.uns["iq"]
    mdata["rna"].obsm["X_umap"] = np.random.default_rng(0).normal(size=(16, 2))
    iq.tl.cluster_peaks(mdata, 3, groupby="state")
    iq.tl.motif_enrichment(mdata)
    iq.tl.motif_activity(mdata)
    iq.tl.tf_expression(mdata)
    return mdata


@pytest.fixture
def multiome(_multiome):
    """16 metacells with RNA, the model of `fitted`, and every question across lineages answered."""
    return _multiome.copy()


@pytest.fixture(scope="session")
def _manifold():
    adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    iq.tl.fit_manifold(
        adata, {"early": ("S1", "S3"), "to S4/late": ("S2", "S4")}, motifs=iq.datasets.simulated_motifs(decoys=False),
        min_tss_distance=None, max_motifs=8, size_folds=0,
    )  # fmt: skip
    iq.tl.residual_r2(adata, key="iq_manifold")
    adata.uns["alone"] = iq.get.model(adata, "iq_manifold", trajectory="to S4/late").to_uns()
    adata.varm["alone"] = iq.get.predictions_df(adata, "iq_manifold", trajectory="to S4/late")
    return adata


@pytest.fixture
def manifold(_manifold):
    """Two trajectories of 1,200 peaks that share six motifs; the second also stands by itself, under "alone"."""
    return _manifold.copy()


@pytest.fixture
def without_motifs(fitted):
    """A model that no motif of the library helped, with the features' coefficients as they were."""
    model = iq.get.model(fitted)
    unknown = dict.fromkeys(
        ("effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations", "quantiles",
         "residual_r2"), np.array([]),
    )  # fmt: skip
    empty = replace(
        model, pbms=model.pbms.take(np.array([], dtype=int)), coefficients=model.coefficients[len(model.pbms) :],
        interactions=model.interactions.take(np.array([], dtype=int)), stats={**model.stats, "n_motifs": 0}, **unknown,
    )  # fmt: skip
    fitted.uns["iq"] = empty.to_uns()
    return fitted


@pytest.fixture
def locus(fitted):
    """The peak that is predicted to open most."""
    return int(fitted.varm["iq"]["pred"].to_numpy().argmax())
