"""Speed of the energy kernel: window scores per second on one and two threads, and against pyprego.

Run on free cores: ``python benchmarks/energies.py [--library table.tsv.gz]``. A window score is one motif at one start
on one strand; each figure is the best of five runs after compilation.
"""

import argparse
import time

import numba
import numpy as np

import iceqream as iq
from iceqream._core.energy import SpatialCurves, energies, with_pseudo_probability


def best(function, repeats=5):
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--library", help="motif file; default: JASPAR 2026 vertebrates")
    options = parser.parse_args()
    library = iq.motifs.read(options.library) if options.library else iq.motifs.jaspar()
    codes = np.random.default_rng(0).integers(0, 4, (options.sequences, options.width)).astype(np.uint8)
    probabilities = with_pseudo_probability(library.pssm, 0.01)
    scores = 2 * options.sequences * (options.width - library.lengths + 1).sum()
    print(f"{options.sequences} sequences of {options.width} bp, {library}")

    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        for mode in ("sum", "max"):
            seconds = best(lambda mode=mode: energies(codes, probabilities, library.lengths, mode=mode))
            print(f"{threads} thread(s), {mode}: {seconds:.3f} s, {scores / seconds:.2e} window scores/s")
    n_bins = (options.width - 60) // 40
    curves = SpatialCurves(np.random.default_rng(1).random((len(library), n_bins)), 30, 40)
    inside = 2 * options.sequences * (n_bins * 40 - library.lengths + 1).sum()
    seconds = best(lambda: energies(codes, probabilities, library.lengths, spatial=curves))
    print(f"{threads} thread(s), spatial curves: {seconds:.3f} s, {inside / seconds:.2e} window scores/s")
    compare(codes, library)


def compare(codes, library):
    """The same matrix by pyprego, in this run."""
    try:
        import pyprego
    except ImportError:
        print("pyprego is not installed: no comparison")
        return
    from iceqream._core.sequence import decode

    motifs = library[:: max(1, len(library) // 300)]
    strings = decode(codes[:1000])
    table = motifs.to_long_table()[["motif", "pos", "A", "C", "G", "T"]]
    ours = best(lambda: iq.motifs.energies(codes[:1000], motifs))
    theirs = best(lambda: pyprego.extract_pwm(strings, table, prior=0.01), repeats=2)
    got = iq.motifs.energies(codes[:1000], motifs) * np.log(2)
    want = np.asarray(pyprego.extract_pwm(strings, table, prior=0.01))
    order = [list(map(str, motifs.names)).index(str(c)) for c in getattr(want, "columns", motifs.names)]
    print(
        f"{len(motifs)} motifs, 1000 sequences: {ours:.3f} s, pyprego {theirs:.3f} s, ratio {theirs / ours:.0f}; "
        f"largest difference {np.abs(got[:, order] - want).max():.1e}"
    )


if __name__ == "__main__":
    main()
