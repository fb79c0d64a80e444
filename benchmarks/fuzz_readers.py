"""Mutate small valid files, give them to our readers, and count the errors that are not ours.

python benchmarks/fuzz_readers.py [number of inputs] [seed]

An error is ours if it is a ValueError, KeyError, TypeError or FileNotFoundError that is raised in this package, says
which file, and, for files of lines, usually which line. Anything else is foreign. The exit code is 1 if there is one.
"""

from __future__ import annotations

import collections
import contextlib
import gzip
import io
import logging
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import mudata as md
import numpy as np
import pandas as pd

import iceqream as iq
from iceqream.cli import main

OURS = (ValueError, KeyError, TypeError, FileNotFoundError)
SOURCE = str(Path(iq.__file__).parent)
N_INPUTS = 3000
MAX_PEAKS = 130
LONGEST = 20
"""Seconds that reading a file may take where a compiled library reads it."""
WORDS = (b"", b"NA", b"nan", b"-1", b"1e400", b"99999999999999999999", b"\xff\xfe", b"\t", b"\n", b">", b"\x00", b"#",
         b"inf", b"0", b"MOTIF", b"w= 0", b"\xc3\x28", b"\r", b",", b'"')  # fmt: skip


def mutated(data: bytes, rng: np.random.Generator) -> bytes:  # noqa: C901
    """Return the bytes after one to three damages: bits, words, lines, blocks, truncation."""
    for _ in range(rng.integers(1, 4)):
        if not data:
            return data
        at = int(rng.integers(len(data)))
        # what a shift would break at the first byte is damaged in place, most of the time
        kind = 0 if b"\x00" in data[:200] and rng.random() < 0.8 else rng.integers(9)
        if kind == 0:
            data = data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + WORDS[rng.integers(len(WORDS))] + data[at:]
        elif kind == 3:
            data = data[:at] + data[at + int(rng.integers(1, 40)) :]
        elif kind == 4:
            data = data[:at] + bytes(rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8)) + data[at:]
        else:
            lines = data.split(b"\n")
            i, j = (int(k) for k in rng.integers(len(lines), size=2))
            if kind == 5:
                lines[i], lines[j] = lines[j], lines[i]
            elif kind == 6:
                del lines[i]
            elif kind == 7:
                lines.insert(i, lines[j])
            else:
                fields = lines[i].split(b"\t")
                fields[rng.integers(len(fields))] = WORDS[rng.integers(len(WORDS))]
                lines[i] = b"\t".join(fields)
            data = b"\n".join(lines)
    return data


def two_bit(sequences: dict[str, str]) -> bytes:
    """Return a 2bit file."""
    import struct

    header = struct.pack("<IIII", 0x1A412743, 0, len(sequences), 0)
    offset = len(header) + sum(1 + len(name) + 4 for name in sequences)
    index, records = b"", b""
    for name, text in sequences.items():
        index += struct.pack("<B", len(name)) + name.encode() + struct.pack("<I", offset + len(records))
        codes = ["TCAG".index(base) for base in text] + [0] * (-len(text) % 4)
        packed = bytes(sum(c << (6 - 2 * k) for k, c in enumerate(codes[i : i + 4])) for i in range(0, len(codes), 4))
        records += struct.pack("<IIII", len(text), 0, 0, 0) + packed
    return header + index + records


def cases(folder: Path, rng: np.random.Generator) -> dict:
    """Return name -> (valid bytes, reader) for every format."""
    text = "".join("ACGT"[i] for i in rng.integers(4, size=400))
    fasta = "".join(f">chr{i}\n{text[:60]}\n{text[60:100]}\n" for i in (1, 2, 3)).encode()
    gtf = "".join(
        f'chr1\tx\t{feature}\t{100 * i + 1}\t{100 * i + 90}\t.\t{"+-"[i % 2]}\t.\tgene_id "g{i}"; gene_name "G{i}";\n'
        for i in range(4) for feature in ("gene", "transcript", "exon")
    ).encode()  # fmt: skip
    bed = "".join(f"chr1\t{100 * i}\t{100 * i + 90}\tp{i}\t{i}\t{'+-'[i % 2]}\n" for i in range(8)).encode()
    bed12 = "".join(
        f"chr1\t{100 * i}\t{100 * i + 90}\tp{i}\t{i}\t+\t0\t0\t0\t2\t10,10\t0,80\n" for i in range(5)
    ).encode()
    fragments = "".join(
        f"chr{c}\t{10 * i}\t{10 * i + 90}\t{'AB'[i % 2]}\t1\n" for c in (1, 2) for i in range(8)
    ).encode()
    library = iq.datasets.simulated_motifs()[:3]
    motifs = {}
    for kind in ("meme", "jaspar", "homer", "transfac", "table"):
        iq.motifs.write(library, folder / f"valid.{kind}", format=kind)
        motifs[kind] = (folder / f"valid.{kind}").read_bytes()
    adata = iq.datasets.simulated_trajectory(n_peaks=MAX_PEAKS, rng=0)
    options = {"max_motifs": 2, "interactions": False, "curve_passes": 0, "lambda_": 1e-3, "selection_lambda": 1e-3}
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, consolidation="none", **options)
    iq.get.model(adata).save(folder / "valid.h5")
    adata.write_h5ad(folder / "valid.h5ad")
    md.MuData({"atac": adata}).write(folder / "valid.h5mu")
    coverage = iq.Coverage(["a", "b"], 20, {"chr1": np.eye(2, 100)})
    coverage.save(folder / "coverage.h5")
    table = pd.DataFrame(adata.layers["ap"].T, index=adata.var_names, columns=adata.obs_names)
    peaks = "".join(f">{n}\n{'ACGTA' * 100}\n" for n in adata.var_names)
    (folder / "peaks.fa").write_text(peaks)

    def genome(path: Path) -> object:
        Path(f"{path}.fai").unlink(missing_ok=True)
        g = iq.Genome(path)
        return [g.sequences([c], [0], [min(20, n)]) for c, n in g.chromosomes.items()]

    def cover(path: Path) -> object:
        c = iq.Coverage.load(path)
        return [c.matrix(chrom) for chrom in c.chromosomes]

    def fit_command(path: Path) -> int:
        # the columns S1 and S9: what is read is judged, nothing is fitted
        return command("fit", folder / "peaks.fa", path, "--start", "S1", "--end", "S4", "--peaks", "S9", "-o", "out")

    groups = {"A": "a", "B": "b"}
    readers: dict[str, tuple[bytes, str, object]] = {
        "FASTA": (fasta, ".fa", lambda p: iq.motifs.energies(p, library, width=20)),
        "FASTA, gz": (gzip.compress(fasta), ".fa.gz", lambda p: iq.motifs.energies(p, library, width=20)),
        "FASTA, gz inside": (fasta, ".fa.gz+", lambda p: iq.motifs.energies(p, library, width=20)),
        "genome FASTA": (fasta, ".fa", genome),
        "GTF": (gtf, ".gtf", iq.Genes.read),
        "GTF, gz": (gzip.compress(gtf), ".gtf.gz", iq.Genes.read),
        "BED": (bed, ".bed", iq.pp.read_peaks),
        "BED of genes": (bed, ".bed", iq.Genes.read),
        "BED12": (bed12, ".bed", iq.Genes.read),
        **{kind: (data, f".{kind}", iq.motifs.read) for kind, data in motifs.items()},
        "fragments": (fragments, ".tsv", lambda p: iq.pp.read_fragments(p, groups)),
        "fragments, gz": (gzip.compress(fragments), ".tsv.gz", lambda p: iq.pp.read_fragments(p, groups)),
        "model": ((folder / "valid.h5").read_bytes(), ".h5", iq.models.TrajectoryModel.load),
        "coverage": ((folder / "coverage.h5").read_bytes(), ".h5", cover),
        "h5ad of the command line": (
            (folder / "valid.h5ad").read_bytes(), ".h5ad", lambda p: command("report", p, "-o", "out", "--key", "none")
        ),
        "h5mu of the command line": (
            (folder / "valid.h5mu").read_bytes(), ".h5mu", lambda p: command("report", p, "-o", "out", "--key", "none")
        ),
        "table of the command line": (table.assign(S9=1).to_csv(sep="\t").encode(), ".tsv", fit_command),
    }  # fmt: skip
    with contextlib.suppress(ImportError):
        import py2bit  # noqa: F401

        readers["2bit"] = (two_bit({"chr1": text, "chr2": text[:50]}), ".2bit", genome)
    with contextlib.suppress(ImportError):
        coverage.to_bigwig("a", folder / "valid.bw")
        readers["bigWig"] = ((folder / "valid.bw").read_bytes(), ".bw", lambda p: iq.pp.read_bigwigs({"a": p}))
    return readers


class Refused(ValueError):  # noqa: N818
    """The command line printed a reason and ended with 2."""


def command(*words: object) -> int:
    """Run the command line; a refusal is an error."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream), contextlib.redirect_stdout(io.StringIO()):
        code = main([str(word) for word in words])
    # these come after the reading, and spare the fit and the report
    if code and not any(text in stream.getvalue() for text in ("sequences are the same", "no model in uns['none']")):
        raise Refused(stream.getvalue())
    return code


def judged(error: BaseException, path: Path) -> str:
    """Return "" for an error of ours, else what is wrong with it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = str(error)
    if isinstance(error, Refused):
        return "" if len(text) < 1000 else "too long"
    if not isinstance(error, OURS) or not frame.filename.startswith(SOURCE):
        return f"{type(error).__name__} of {Path(frame.filename).name}:{frame.lineno}"
    return (
        "" if str(path) in text or path.name in text else f"no file named ({Path(frame.filename).name}:{frame.lineno})"
    )


def outcome(reader: object, path: Path) -> tuple[str, str]:
    """Return "read", "ours" or what is wrong with the error, and its text."""
    try:
        reader(path)  # type: ignore[operator]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        return judged(error, path) or "ours", f"{type(error).__name__}: {str(error)[:150]}"
    return "read", ""


def apart(reader: object, path: Path) -> tuple[str, str]:
    """Return the same from a process of its own: compiled libraries may end theirs."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST)
        os.write(send, "\0".join(outcome(reader, path)).encode(errors="replace"))
        os._exit(0)
    os.close(send)
    _, status = os.waitpid(child, 0)
    with os.fdopen(receive, "rb") as pipe:
        said = pipe.read().decode().split("\0", 1)
    return (said[0], said[1]) if len(said) == 2 else (f"the process ended with {status}", "")


def run(n: int, seed: int) -> int:
    """Read `n` mutated files and print a table of what happened."""
    rng = np.random.default_rng(seed)
    counts: dict[str, collections.Counter] = {}
    foreign: collections.Counter = collections.Counter()
    shown: dict[str, str] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        known = cases(folder, rng)
        names = list(known)
        for data, suffix, reader in known.values():
            valid = folder / f"valid_input{suffix.removesuffix('+')}"
            valid.write_bytes(gzip.compress(data) if suffix.endswith("+") else data)
            reader(valid)  # type: ignore[operator]
        for i in range(n):
            kind = names[i % len(names)]
            data, suffix, reader = known[kind]
            path = folder / f"input_{i}{suffix.removesuffix('+')}"
            damaged = mutated(data, rng)
            path.write_bytes(gzip.compress(damaged) if suffix.endswith("+") else damaged)
            tally = counts.setdefault(kind, collections.Counter())
            verdict = apart if b"\x00" in data[:200] and data[:2] != b"\x1f\x8b" else outcome
            what, text = verdict(reader, path)
            tally["foreign" if what not in {"read", "ours"} else what] += 1
            tally["with line"] += what == "ours" and "line " in text
            if what not in {"read", "ours"}:
                foreign[f"{kind}: {what}"] += 1
                shown.setdefault(f"{kind}: {what}", text)
            path.unlink(missing_ok=True)
    table = pd.DataFrame(counts).T.reindex(columns=["read", "ours", "with line", "foreign"]).fillna(0).astype(int)
    print(table.to_string())
    for what, number in foreign.most_common():
        print(f"{number:5d}  {what}\n       {shown[what]!r}")
    print(f"{n} inputs, seed {seed}: {foreign.total()} foreign errors, {time.perf_counter() - began:.0f} s")
    return int(foreign.total() > 0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("iceqream").setLevel(logging.CRITICAL)
    words = [int(word) for word in sys.argv[1:3]]
    sys.exit(run(*[*words, *[N_INPUTS, 0][len(words) :]]))
