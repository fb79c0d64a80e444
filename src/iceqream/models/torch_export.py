"""Models as torch modules: predictions with exact gradients, for the tools that read sequence networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.messages import known_names
from iceqream.models.features import SEQUENCE_FEATURES
from iceqream.models.manifold import ManifoldModel
from iceqream.models.trajectory import TrajectoryModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iceqream.models.torch_module import TorchModel


def to_torch(model: TrajectoryModel | ManifoldModel, *, features: Mapping[str, float] | None = None) -> TorchModel:
    """Return a model as a `torch.nn.Module` of one-hot sequences, with exact gradients.

    The module does what `predict` does, in layers: log2 probabilities of all windows on both strands by one
    convolution, their weights along the sequence, the logarithm of the sum of their powers (or the best window), the
    scale of 0-10, the response functions, the pairs, the logistic function. It holds buffers of float32 and no
    parameters; ``.double()`` computes in float64 with the same constants, ``.to("cuda")`` on a GPU.

    Parameters
    ----------
    model
        Of one trajectory, or of a manifold.
    features
        One unscaled value of each feature that is not computed from sequence, used for all sequences. Without it,
        they are given in each call (below).

    Returns
    -------
    `torch.nn.Module` in evaluation mode. ``module(sequences, features=None)`` takes

    - sequences: n x 4 x width one-hot, letters A C G T, of any dtype. A column of zeros is an N, which scores log2(1/4)
      in every motif. Longer ones are cut to the central `width` bp, as in `predict`.
    - features: n x k unscaled values of the features in ``module.feature_names``, in that order. They take the place
      of the constants.

    and returns the predicted dAP, n x 1, or n x trajectories (``module.outputs`` has their names).
    ``module.values(sequences, features)`` returns the energies and features, n x terms, 0-10.

    Raises
    ------
    ImportError
        If torch is missing.
    KeyError
        If a feature is given that the model does not take.
    TypeError
        If it is no model, or a feature is not one number.
    ValueError
        If some of the features are given, but not all; in a call: if sequences are too short or not n x 4 x width,
        features are missing or of another shape.

    Notes
    -----
    Between the letters a window's log2 odds against 1/4 are linear in the columns, so sequences may be relaxed: a
    column (1/4, 1/4, 1/4, 1/4) scores the mean of its letters' logarithms. A gradient at one letter is against N; the
    differences between the letters of a column are what a substitution changes, to first order. So subtract the mean of
    each column, then multiply by the sequence where one number per base is wanted, as tangermeme does.

    Gradients are those of the model, which is flat in places. An energy or feature outside of the range that is mapped
    to 0-10 is clipped, and its gradient is exactly 0: a motif far below its range says nothing by its gradient even
    where one substitution would create a site. Mutagenesis (`tangermeme.saturation_mutagenesis`) sees such sites;
    integrated gradients see them if their path crosses the range. Their baseline should be uniform columns of 1/4, not
    N: GC content and dinucleotide frequencies are those of the known letters, and leave 0 within the first step from N.

    A letter of probability 0 has a finite logarithm instead of minus infinity, so low that no window with it changes an
    energy that is not clipped. With ``mode="max"``, windows that tie share the gradient.

    Sequences are scored in blocks that bound the memory; where a gradient is taken over several blocks, they are
    computed again in the backward pass.

    Examples
    --------
    >>> import iceqream as iq, numpy as np, torch
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=4, size_folds=0)
    >>> model = iq.get.model(adata)
    >>> module = iq.models.to_torch(model)
    >>> sequences = torch.eye(5)[torch.as_tensor(adata.varm["sequence"][:8].astype(int))][..., :4].transpose(1, 2)
    >>> predicted = module(sequences)
    >>> predicted.shape
    torch.Size([8, 1])
    >>> bool(np.allclose(predicted[:, 0], model.predict(adata[:, :8]), atol=1e-5))
    True
    >>> gradient = torch.func.grad(lambda x: module(x).sum())(sequences)
    >>> gradient.shape
    torch.Size([8, 4, 500])

    With tangermeme: ``saturation_mutagenesis(module, sequences)``, ``marginalize(module, sequences, "AGATAA")``,
    ``substitution_effect(module, sequences, substitutions)``; features go in as ``args=(values,)``, n x k, and
    ``fast=False`` spares a long mutagenesis the attempt at a shortcut that is made for networks. With captum:
    ``IntegratedGradients(module).attribute(sequences, baselines=torch.full_like(sequences, 0.25), target=0,
    n_steps=400)``; features go in as ``additional_forward_args=(values,)``. DeepLIFT has no rules for these layers.
    """
    if not isinstance(model, TrajectoryModel | ManifoldModel):
        msg = f"A model is a TrajectoryModel or a ManifoldModel, got {type(model).__name__}. iq.get.model takes it out."
        raise TypeError(msg)
    constants = _constants(model, features)
    try:
        from iceqream.models.torch_module import TorchModel
    except ImportError as error:
        error.add_note('Models as torch modules need torch: pip install "iceqream[torch]"')
        raise
    return TorchModel(model, constants).eval()


def _constants(model: TrajectoryModel | ManifoldModel, features: Mapping[str, float] | None) -> np.ndarray | None:
    """Return the unscaled values of the features that are not computed from sequence, in the model's order."""
    if features is None:
        return None
    wanted = [str(name) for name in model.features.names if name not in SEQUENCE_FEATURES]
    known_names(features, wanted, "The model has no feature that is given, not computed from sequence:")
    missing = [name for name in wanted if name not in features]
    if missing:
        msg = f"The model's features {', '.join(missing)} are missing: give all of {', '.join(wanted)}, or none."
        raise ValueError(msg)
    arrays = [name for name in wanted if np.ndim(features[name]) > 0]
    if arrays:
        first = arrays[0]
        msg = (
            f"features takes one number each, but {first!r} has the shape {np.shape(features[first])}. Values of each "
            "sequence go into the call: module(sequences, values), n x features."
        )
        raise TypeError(msg)
    return np.array([float(features[name]) for name in wanted], dtype=np.float64)
