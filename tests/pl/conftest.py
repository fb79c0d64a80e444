"""Every picture leaves the user's settings as they were."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def close_figures():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before, "a picture changed the user's rcParams"
    plt.close("all")
