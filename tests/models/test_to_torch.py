"""The torch module of a model: its numbers and gradients, and the tools that take it for a network."""

from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.models.features import FeatureScaling
from iceqream.models.interactions import Interactions
from iceqream.motifs import MotifSet, SpatialCurves
from iceqream.motifs.pbm import PBMSet

torch = pytest.importorskip("torch")
WIDTH = 80


def one_hot(codes):
    return torch.as_tensor((codes[:, None, :] == np.arange(4)[None, :, None]).astype(np.float32))


def made_up(rng, *, mode="sum", expanded=True, pseudo=0.01, n_motifs=3):
    """A model of motifs of different lengths, with a curve, pairs, composition and a given feature."""
    matrices = {f"m{i}": rng.dirichlet(np.full(4, 0.4), int(length)) for i, length in enumerate((4, 9, 21)[:n_motifs])}
    if pseudo == 0 and n_motifs:
        matrices["m0"][1] = [0.0, 0.5, 0.5, 0.0]
    motifs = MotifSet.from_dict(matrices)
    curves = SpatialCurves(rng.uniform(0.05, 1, (n_motifs, 6)), start=10, bin_size=10)
    pbms = PBMSet(motifs, curves, np.zeros(n_motifs), np.ones(n_motifs), WIDTH, pseudo, mode)
    codes = rng.integers(0, 4, (400, WIDTH)).astype(np.uint8)
    if n_motifs:
        pbms = pbms.scaled_to(codes, support=20)
    names = np.array(["gc_content", "CG", "height"], dtype=object)
    features = FeatureScaling(names, np.array([0.3, 0.0, -1.0]), np.array([0.7, 0.12, 1.0]))
    n = n_motifs + 3
    pairs = Interactions.none()
    if n_motifs > 1:
        first, second = np.array([0, 1]), np.array([1, n_motifs])
        pairs = Interactions(first, second, np.array([3.0, 0.0]), np.array([50.0, 80.0]),
                             rng.normal(size=(2, 4 if expanded else 1)))  # fmt: skip
    return TrajectoryModel(
        pbms, features, rng.normal(size=(n, 4)), -0.4, (0.05, 0.9), (-0.6, 0.8), ("a", "b"), interactions=pairs
    )


def sequences(rng, n=50):
    codes = rng.integers(0, 4, (n, WIDTH)).astype(np.uint8)
    codes[0, 20:40] = 4
    codes[1, :60] = 4
    codes[2] = 4
    return codes


@pytest.mark.parametrize("mode", ["sum", "max"])
@pytest.mark.parametrize("expanded", [True, False])
@pytest.mark.parametrize("pseudo", [0.01, 0.0])
def test_predictions_are_those_of_the_model(mode, expanded, pseudo):
    rng = np.random.default_rng(0)
    model = made_up(rng, mode=mode, expanded=expanded, pseudo=pseudo)
    codes, height = sequences(rng), rng.normal(size=50)
    want = model.predict(codes, features={"height": height})
    module = iq.models.to_torch(model)
    got = module(one_hot(codes), torch.as_tensor(height[:, None]))
    assert got.shape == (50, 1)
    # single precision: measured 4e-7
    np.testing.assert_allclose(got[:, 0].numpy(), want, atol=1e-5)
    double = module.double()(one_hot(codes).double(), torch.as_tensor(height[:, None]))[:, 0].numpy()
    np.testing.assert_allclose(double, want, atol=2e-6)  # the model's own energies are single: measured 4e-7


def test_fitted_models_without_motifs_or_pairs_and_manifolds(full, branches):
    for model in (iq.get.model(full), replace_pairs(iq.get.model(full)), made_up(np.random.default_rng(1), n_motifs=0)):
        width, given = model.width, {"height": 0.3} if "height" in model.features.names else None
        codes = np.random.default_rng(2).integers(0, 4, (20, width)).astype(np.uint8)
        features = None if given is None else {"height": np.full(20, 0.3)}
        got = iq.models.to_torch(model, features=given)(one_hot(codes))[:, 0].numpy()
        np.testing.assert_allclose(got, model.predict(codes, features=features), atol=1e-5)
    manifold = iq.get.model(branches, "iq_manifold")
    assert isinstance(manifold, ManifoldModel)
    module = iq.models.to_torch(manifold)
    codes = branches.varm["sequence"][:30]
    np.testing.assert_allclose(module(one_hot(codes)).numpy(), manifold.predict(codes).to_numpy(), atol=1e-5)
    assert module.outputs == manifold.names


def replace_pairs(model):
    nothing = np.array([])
    return replace(model, interactions=Interactions.none(), effects=nothing, residual_r2=nothing, effect_errors=nothing)


@pytest.mark.parametrize("mode", ["sum", "max"])
def test_gradients_are_those_of_finite_differences(mode):
    rng = np.random.default_rng(3)
    model = made_up(rng, mode=mode)
    module = iq.models.to_torch(model, features={"height": 0.2}).double()
    # relaxed sequences: no letter is sure
    x = torch.as_tensor(rng.dirichlet(np.full(4, 0.3), (3, WIDTH)).transpose(0, 2, 1)).requires_grad_()
    gradient = torch.autograd.grad(module(x).sum(), x)[0]
    assert float(gradient.abs().max()) > 1e-3
    step, checked = 1e-5, 0
    for _ in range(60):
        s, a, j = rng.integers(3), rng.integers(4), rng.integers(WIDTH)
        moved = [x.detach().clone() for _ in range(2)]
        for one, sign in zip(moved, (1, -1), strict=True):
            one[s, a, j] += sign * step
        slope = float((module(moved[0]).sum() - module(moved[1]).sum()) / (2 * step))
        # measured 2e-9
        assert float(gradient[s, a, j]) == pytest.approx(slope, abs=1e-6)
        checked += abs(slope) > 1e-6
    assert checked > 20


def test_what_is_clipped_has_no_gradient():
    model = made_up(np.random.default_rng(4))
    low = model.pbms.energy_low + 100  # all energies lie below the scale
    pbms = replace(model.pbms, energy_low=low, energy_high=low + 5)
    flat = TrajectoryModel(pbms, FeatureScaling.none(), model.coefficients[:3], 0.0, (0, 1), (-1, 1), ("a", "b"))
    x = one_hot(sequences(np.random.default_rng(5), 5)).requires_grad_()
    gradient = torch.autograd.grad(iq.models.to_torch(flat)(x).sum(), x)[0]
    assert not gradient.any()


def test_long_and_many_sequences_are_scored_in_blocks(full, monkeypatch):
    model = iq.get.model(full)
    codes = full.varm["sequence"][:40]
    x = one_hot(codes).requires_grad_()
    module = iq.models.to_torch(model)
    want = module(x)
    gradient = torch.autograd.grad(want.sum(), x)[0]
    monkeypatch.setattr("iceqream.models.torch_module._BLOCK", 2**15)
    monkeypatch.setattr("iceqream.models.torch_module._CACHED_BLOCK", 2**15)
    again = module(x)
    torch.testing.assert_close(again, want)
    torch.testing.assert_close(torch.autograd.grad(again.sum(), x)[0], gradient)
    longer = torch.nn.functional.pad(x.detach(), (7, 8))
    torch.testing.assert_close(module(longer), want.detach())


def test_a_state_is_saved_and_read_back(full, tmp_path):
    model = iq.get.model(full)
    module = iq.models.to_torch(model)
    torch.save(module.state_dict(), tmp_path / "module.pt")
    other = iq.models.to_torch(replace(model, intercept=9.0))
    other.load_state_dict(torch.load(tmp_path / "module.pt", weights_only=True))
    x = one_hot(full.varm["sequence"][:5])
    torch.testing.assert_close(other(x), module(x))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda _: iq.models.to_torch("model"), TypeError, "TrajectoryModel"),
        (lambda model: iq.models.to_torch(model)(torch.zeros(2, 4, WIDTH)), ValueError, "height"),
        (lambda model: iq.models.to_torch(model, features={"width": 1.0}), KeyError, "width"),
        (lambda model: iq.models.to_torch(model, features={"height": np.ones(3)}), TypeError, "one number"),
        (lambda model: iq.models.to_torch(model, features={"height": 1})(torch.zeros(2, 4, 20)), ValueError, "80 bp"),
        (
            lambda model: iq.models.to_torch(model, features={"height": 1})(torch.zeros(2, WIDTH, 4)),
            ValueError,
            "one-hot",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(call, error, said):
    with pytest.raises(error, match=said):
        call(made_up(np.random.default_rng(6)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu(full):
    model = iq.get.model(full)
    x = one_hot(full.varm["sequence"][:100])
    got = iq.models.to_torch(model).to("cuda")(x.to("cuda")).cpu()[:, 0].numpy()
    np.testing.assert_allclose(got, model.predict(full[:, :100]), atol=1e-5)


@pytest.mark.filterwarnings("default")
def test_tangermeme_takes_it_for_a_network(full):
    tangermeme = pytest.importorskip("tangermeme.saturation_mutagenesis")
    model = iq.get.model(full)
    module, x = iq.models.to_torch(model), one_hot(full.varm["sequence"][[3, 8]])
    found = iq.tl.mutagenesis(full, [3, 8], n_bootstraps=0)
    before, after = tangermeme.saturation_mutagenesis(module, x, raw_outputs=True, device="cpu")
    np.testing.assert_allclose(before.numpy().ravel(), found.reference, atol=1e-5)
    effects = after.numpy().reshape(2, 4, -1) - before.numpy().reshape(2, 1, 1)
    np.testing.assert_allclose(effects, found.effects, atol=1e-5)  # measured 1e-6
    own = tangermeme.saturation_mutagenesis(module, x, device="cpu")
    np.testing.assert_allclose(own.numpy(), found.attributions, atol=1e-5)


@pytest.mark.filterwarnings("default")
def test_integrated_gradients_add_up(full):
    captum = pytest.importorskip("captum.attr")
    module = iq.models.to_torch(iq.get.model(full)).double()
    x = one_hot(full.varm["sequence"][[3, 8]]).double()
    baseline = torch.full_like(x, 0.25)
    given = captum.IntegratedGradients(module).attribute(x, baselines=baseline, target=0, n_steps=200)
    total = given.sum(dim=(1, 2)).detach().numpy()
    want = (module(x) - module(baseline))[:, 0].detach().numpy()
    # the path has kinks where energies enter and leave their scale: measured 2e-4
    np.testing.assert_allclose(total, want, atol=5e-3)
