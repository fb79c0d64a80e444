"""Predictions per second of the torch module of a model against the model's own, and gradients.

``python benchmarks/torch_model.py [--device cuda] [--n 2000]`` with ``iceqream[torch]``.
"""

import argparse
import time

import numpy as np
import torch

import iceqream as iq


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--n", type=int, default=2000)
    options = parser.parse_args()
    adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None, max_motifs=12)
    model = iq.get.model(adata)
    codes = np.random.default_rng(0).integers(0, 4, (options.n, 500)).astype(np.uint8)
    x = torch.eye(4)[torch.as_tensor(codes.astype(np.int64))].transpose(1, 2).to(options.device)
    module = iq.models.to_torch(model).to(options.device)
    print(model, torch.__version__, options.device, f"{torch.get_num_threads()} thread(s)")
    with torch.no_grad():
        module(x[:10])
    began = time.perf_counter()
    with torch.no_grad():
        got = module(x).cpu()[:, 0].numpy()
    seconds = time.perf_counter() - began
    model.predict(codes[:10])
    began = time.perf_counter()
    want = model.predict(codes)
    own = time.perf_counter() - began
    y = x.clone().requires_grad_()
    began = time.perf_counter()
    gradient = torch.autograd.grad(module(y).sum(), y)[0].cpu()
    backward = time.perf_counter() - began
    rates = [options.n / spent for spent in (seconds, backward, own)]
    print(
        f"{rates[0]:,.0f} sequences per second, with gradients {rates[1]:,.0f}, the model itself {rates[2]:,.0f}; "
        f"largest difference {np.abs(got - want).max():.1e}, largest gradient {float(gradient.abs().max()):.3f}"
    )


if __name__ == "__main__":
    main()
