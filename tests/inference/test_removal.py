"""What is left after a removal is the optimum of what is left."""

import numpy as np

from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.design_matrix import columns
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.removal import Regression
from iceqream.models.interactions import Interactions

NONE = Interactions.none()


def test_the_level_that_a_nearly_constant_motif_carried_stays(rng):
    """A motif near 10 in every peak can carry any level, against the intercept; the fit without it still holds."""
    values = rng.uniform(0, 10, (800, 3)).astype(np.float32)
    values[:, 2] = 10 - 1e-4 * values[:, 2]
    dap = logistic(0.3 * values[:, 0] - 0.2 * values[:, 1] + rng.normal(0, 0.3, 800)) - 0.5
    peaks = ModelledPeaks(dap, np.arange(800) % 5 > 0)
    options = FitOptions(lambda_=1e-7)
    whole = Regression.of(values, NONE, peaks, 1e-7, options)
    # 120 on the scale of log odds
    assert abs(np.mean(whole.X[:, 8:] @ whole.fit.coefficients[8:])) > 50
    fewer = whole.without(2)
    cold = fit_logistic(columns(values[peaks.is_train, :2], NONE), peaks.response[peaks.is_train], lambda_=1e-7)
    assert fewer.fit.converged
    # 6e-10 was measured
    np.testing.assert_allclose(fewer.fit.coefficients[:8], cold.coefficients, atol=1e-6)
    assert not fewer.fit.coefficients[8:].any()
