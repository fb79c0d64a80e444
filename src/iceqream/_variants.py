"""The one reader of variants: VCF and BCF, BED, tables; and their check against a genome."""

from __future__ import annotations

import logging
import re
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from iceqream._bed import is_comment
from iceqream._core.messages import did_you_mean, examples
from iceqream._core.sequence import LETTERS, UNKNOWN
from iceqream._files import existing, is_position, lines, numbers, reading, shown
from iceqream.genome import prefix_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from iceqream.genome import Genome

logger = logging.getLogger(__name__)

LONGEST = 50
"""bp of an allele, without what both alleles have in common at their ends."""
MOST_MISMATCHES = 0.05
FEWEST_MISMATCHES = 10
"""Reference alleles that are not the genome's: more than this share, and this many at least, are refused."""
_TOLD = 0.8
"""Share of the mismatches that another reading must explain for it to be suggested."""
_TRIED = 1000

NO_REFERENCE = "no reference allele"
MISSING = "no alternative allele"
SYMBOLIC = "symbolic allele"
LONG = f"longer than {LONGEST} bp"
NOT_DNA = "letters other than A, C, G, T and N"
SAME = "alternative allele is the reference allele"
LENGTH = "interval and reference allele differ in length"
FILTERED = "filtered"
NO_GENOTYPE = "no genotype"
NOT_CARRIED = "not carried"
UNPHASED = "heterozygous, not phased"
NO_HAPLOTYPE = "no haplotype"
OVERLAPS = "overlaps another variant of its haplotype"
NO_CHROMOSOME = "chromosome is not in the genome"
PAST_END = "past the end of the chromosome"
MISMATCH = "reference allele is not the genome's"

SKIPPED_COLUMNS = ("id", "chrom", "pos", "ref", "alt", "reason")
_COLUMNS = ("record", "id", "chrom", "pos", "ref", "alt", "haplotype", "reason")
_DNA = frozenset(LETTERS)
_NAMED_ALLELES = re.compile(r"^(?:(?P<id>.*)[:_ ])?(?P<ref>[A-Za-z]+|-)[>/](?P<alt>[A-Za-z]+|-)$")
_ALLELE = re.compile(r"^(?:[A-Za-z]+|-)$")
_VCF = (".vcf", ".bcf", ".vcf.gz", ".vcf.bgz")
_BED = (".bed", ".bed.gz", ".bed.bgz")


class Variants(NamedTuple):
    """Variants with one alternative allele each, and what was left out."""

    table: pd.DataFrame
    """One row per variant (and haplotype) in the order given: record (int64: its number in the input, from 0), id,
    chrom, pos (int64, 1-based), ref, alt (upper case, otherwise as given), haplotype (empty without any), and without
    what the two alleles have in common at their ends: start (int64, 0-based), removed, inserted (letters)."""
    skipped: pd.DataFrame
    """id, chrom, pos, ref, alt, reason."""
    n_records: int
    """Of the input."""

    def without(self, bad: np.ndarray, reason: str) -> Variants:
        """Return the variants without those of a mask, which are listed with a reason."""
        if not bad.any():
            return self
        return Variants(self.table[~bad], joined_skipped([self.skipped, left_out(self.table[bad], reason)]),
                        self.n_records)  # fmt: skip


def left_out(table: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Return rows of the table of variants as skipped ones."""
    return table.assign(reason=reason)[list(SKIPPED_COLUMNS)]


def joined_skipped(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of skipped variants as one."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(SKIPPED_COLUMNS))


def read_variants(
    variants: str | PathLike[str] | pd.DataFrame, *, only_passed: bool = False, haplotypes: str | None = None
) -> Variants:
    """Read SNVs and indels, one alternative allele a row.

    Parameters
    ----------
    variants
        - VCF (plain, gzipped, bgzipped) or BCF file (needs ``iceqream[variants]``).
        - BED file (plain or gzipped): chrom, start, end, name, and the alleles either in columns 5 and 6 (ref, alt) or
          in the name, as ``A>G`` or ``A/G``, also behind an identifier (``rs1:A>G``).
        - Table with chrom, pos (1-based) or start (0-based), ref, alt, and optionally id.

        Alternative alleles are separated by commas. In BED files and tables ``-`` is an empty allele; bases are
        inserted before the one at the position then.
    only_passed
        Whether the records of a VCF that a filter marks are left out.
    haplotypes
        Column of a table that names the haplotype of each variant, or sample of a VCF, whose phased genotypes give two
        (phase sets are not looked at); ``None``: variants stand alone.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, a column is missing, a position is none, or there is no variant.
    KeyError
        If there is no such column or sample of haplotypes.
    TypeError
        If the variants are of no form that is read.
    ImportError
        If pysam is missing.
    """
    if isinstance(variants, pd.DataFrame):
        rows: Iterator[tuple] = _of_table(variants, haplotypes)
    elif isinstance(variants, str | PathLike):
        path = existing(variants, "file of variants")
        name = path.name.lower()
        if name.endswith(_VCF):
            rows = _of_vcf(path, haplotypes, only_passed=only_passed)
        elif name.endswith(_BED):
            if haplotypes is not None:
                msg = (
                    f"{path}: a BED file has no haplotypes; give a VCF with a sample, or a table with a column of them."
                )
                raise ValueError(msg)
            rows = _of_bed(path)
        else:
            msg = (
                f"{path} is none of {', '.join((*_VCF, *_BED[:2]))}; read a table with pandas and pass it, with chrom, "
                "pos (1-based) or start (0-based), ref and alt."
            )
            raise ValueError(msg)
    else:
        msg = f"Variants are the path of a VCF, BCF or BED file, or a table; got {type(variants).__name__}."
        raise TypeError(msg)
    table = pd.DataFrame(list(rows), columns=list(_COLUMNS))
    if len(table) == 0:
        msg = "There is no variant" + (f" in {variants}." if isinstance(variants, str | PathLike) else ".")
        raise ValueError(msg)
    table["pos"] = table["pos"].astype(np.int64)
    n_records = int(table["record"].max()) + 1
    bad = table["reason"].to_numpy() != ""
    usable = table[~bad].drop(columns="reason").reset_index(drop=True)
    trimmed = [_trimmed(*row) for row in zip(usable["pos"] - 1, usable["ref"], usable["alt"], strict=True)]
    alleles = pd.DataFrame(trimmed, columns=["start", "removed", "inserted"]).astype({"start": np.int64})
    whole = Variants(pd.concat([usable, alleles], axis=1), table.loc[bad, list(SKIPPED_COLUMNS)].reset_index(drop=True),
                     n_records)  # fmt: skip
    longest = np.maximum(alleles["removed"].str.len().to_numpy(), alleles["inserted"].str.len().to_numpy())
    whole = whole.without(longest > LONGEST, LONG)
    return whole if haplotypes is None else whole.without(_overlapping(whole.table), OVERLAPS)


def check_reference(variants: Variants, genome: Genome) -> Variants:
    """Leave out, or refuse if they are many, variants whose reference allele is not what the genome has.

    An N of either is no mismatch.

    Raises
    ------
    ValueError
        If no chromosome is the genome's, or more than 5 % (and 10) of the reference alleles are not: with what would
        explain it.
    """
    chrom = variants.table["chrom"].to_numpy(dtype=object)
    names, code = np.unique(chrom.astype(str), return_inverse=True)
    unknown = ~np.isin(names, list(genome.chromosomes))
    if unknown.all() and len(names):
        hint = prefix_hint(names, genome.chromosomes, "variants", "the variants' chromosomes")
        msg = (
            f"No variant lies on a chromosome of {genome.name}: these are on {examples(names)}, it has "
            f"{examples(genome.chromosomes)}. {hint or f'Is {genome.name} the right assembly?'}"
        )
        raise ValueError(msg)
    variants = variants.without(unknown[code], NO_CHROMOSOME)
    table = variants.table
    if len(table) == 0:
        return variants
    start, ref = table["pos"].to_numpy() - 1, table["ref"].str.replace("-", "").to_numpy(dtype=object)
    size = np.array([len(text) for text in ref], dtype=np.int64)
    length = np.array([genome.chromosomes[name] for name in table["chrom"]], dtype=np.int64)
    past = (start < 0) | (start + size > length)
    span = int(max(size.max(), table["alt"].str.len().max())) + 2
    # with a base more on either side, to tell how far positions are off
    around = genome.sequences(table["chrom"].to_numpy(), start - 1, start - 1 + span)
    wrong = ~past & ~_matches(around, ref, 1)
    bad, compared = int((past | wrong).sum()), int((size > 0).sum())
    if bad >= FEWEST_MISMATCHES and bad > MOST_MISMATCHES * max(compared, 1):
        rows = np.flatnonzero(past | wrong)
        shown_rows = examples(
            _shown_mismatch(table.iloc[i], around[i, 1 : 1 + size[i]], past=past[i]) for i in rows[:4]
        )
        msg = (
            f"{bad} of {len(table)} reference alleles are not what {genome.name} has: {shown_rows}. "
            f"{_explained(around[rows[:_TRIED]], table.iloc[rows[:_TRIED]]) or 'Is it the right assembly?'}"
        )
        raise ValueError(msg)
    if bad:
        logger.warning("%d of %d reference alleles are not what %s has; these variants are left out", bad, len(table),
                       genome.name)  # fmt: skip
    left = variants.without(past, PAST_END)
    return left.without(wrong[~past], MISMATCH)


def encoded(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of texts one after another (uint8), and where each begins (int64, one more than texts)."""
    texts = list(texts)
    first = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=first[1:])
    code = np.full(256, UNKNOWN, dtype=np.uint8)
    code[np.frombuffer(LETTERS.encode(), dtype=np.uint8)] = np.arange(len(LETTERS), dtype=np.uint8)
    return code[np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8)], first


def _matches(around: np.ndarray, alleles: np.ndarray, at: int) -> np.ndarray:
    """Return which alleles are what stands at a column of sequences; N matches all."""
    codes, first = encoded(alleles)
    row = np.repeat(np.arange(len(alleles)), np.diff(first))
    column = at + np.arange(len(codes)) - first[row]
    there = around[row, column]
    differs = (there != codes) & (there != UNKNOWN) & (codes != UNKNOWN)
    return np.bincount(row[differs], minlength=len(alleles)) == 0


def _shown_mismatch(variant: pd.Series, there: np.ndarray, *, past: bool) -> str:
    found = "the chromosome ends" if past else "".join(LETTERS[code] for code in there)
    return f"{variant['chrom']}:{variant['pos']} {variant['ref']} ({found})"


def _explained(around: np.ndarray, table: pd.DataFrame) -> str:
    """Say what would make most of the mismatches match; empty if nothing would."""
    ref, alt = (table[name].str.replace("-", "").to_numpy(dtype=object) for name in ("ref", "alt"))
    further = (
        "a base further on: are these positions 0-based (pos, as in VCF, counts from 1; start, as in BED, from 0)?"
    )
    before = "a base before: are these positions 1-based (start, as in BED, counts from 0; pos, as in VCF, from 1)?"
    swapped = "with the alternative allele: are ref and alt swapped?"
    ways = ((ref, 2, further), (ref, 0, before), (alt, 1, swapped))
    said = [(_matches(around, allele, at), text) for allele, at, text in ways]
    matches, text = max(said, key=lambda one: one[0].mean())
    return f"{matches.mean():.0%} of them would match {text}" if matches.mean() >= _TOLD else ""


def _trimmed(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Return alleles without what they have in common at the end, then at the start."""
    ref, alt = ref.replace("-", ""), alt.replace("-", "")
    if len(ref) == len(alt) == 1:
        return start, ref, alt
    same = 0
    while same < min(len(ref), len(alt)) and ref[-1 - same] == alt[-1 - same]:
        same += 1
    ref, alt = ref[: len(ref) - same], alt[: len(alt) - same]
    same = 0
    while same < min(len(ref), len(alt)) and ref[same] == alt[same]:
        same += 1
    return start + same, ref[same:], alt[same:]


def _reason(ref: str, alt: str) -> str:
    """Return why an allele cannot be taken; empty if it can."""
    if ref in {".", ""}:
        return NO_REFERENCE
    if alt in {".", ""}:
        return MISSING
    if alt == "*" or alt[0] in "<." or alt[-1] == "." or "[" in alt or "]" in alt:
        return SYMBOLIC
    letters = (ref + alt).replace("-", "")
    if not letters or not _DNA.issuperset(letters) or ("-" in ref and ref != "-") or ("-" in alt and alt != "-"):
        return NOT_DNA
    return SAME if ref == alt else ""


def _row(
    record: int, chrom: str, pos: int, ref: str, alt: str, name: str, haplotype: str = "", reason: str = ""
) -> tuple:
    """Return a row of the table; a reason that is given comes first."""
    ref, alt = ref.upper(), alt.upper()
    return record, name or f"{chrom}:{pos}:{ref}>{alt}", chrom, pos, ref, alt, haplotype, reason or _reason(ref, alt)


def _of_table(table: pd.DataFrame, haplotypes: str | None) -> Iterator[tuple]:
    missing = [name for name in ("chrom", "ref", "alt") if name not in table]
    if "pos" not in table and "start" not in table:
        missing.insert(0, "pos (1-based) or start (0-based)")
    if missing:
        msg = f"The table of variants lacks {', '.join(missing)}; its columns are {examples(table.columns)}."
        raise ValueError(msg)
    if haplotypes is not None and haplotypes not in table:
        near = did_you_mean(haplotypes, table.columns)
        msg = f"The table of variants has no column {haplotypes!r}; its columns are {examples(table.columns, 8)}.{near}"
        raise KeyError(msg)
    pos = numbers(table["pos"]) if "pos" in table else numbers(table["start"]) + 1
    if "pos" in table and "start" in table and (pos != numbers(table["start"]) + 1).any():
        msg = "pos (1-based) and start (0-based) of the table of variants contradict each other: drop one of them."
        raise ValueError(msg)
    bad = ~((pos >= 1) & (pos == np.floor(pos)))
    if bad.any():
        first = "pos" if "pos" in table else "start"
        found = table[first].iloc[int(bad.argmax())]
        msg = f"{int(bad.sum())} of {len(table)} variants have no position: {first} is {str(found)!r}."
        raise ValueError(msg)
    nothing = [""] * len(table)
    names = _texts(table["id"]) if "id" in table else nothing
    of = nothing if haplotypes is None else _texts(table[haplotypes])
    alleles = zip(*(_texts(table[name]) for name in ("chrom", "ref", "alt")), strict=True)
    for i, (chrom, ref, alts) in enumerate(alleles):
        reason = NO_HAPLOTYPE if haplotypes is not None and not of[i] else ""
        for alt in alts.split(","):
            yield _row(i, chrom, int(pos[i]), ref, alt, names[i], of[i], reason)


def _texts(column: pd.Series) -> list[str]:
    return column.astype(object).where(column.notna(), "").astype(str).tolist()


def _of_bed(path: Path) -> Iterator[tuple]:
    record = 0
    for number, line in lines(path, "file of variants"):
        if is_comment(line):
            continue
        fields = line.split("\t")
        ends = len(fields) >= 4 and all(map(is_position, fields[1:3])) and int(fields[1]) <= int(fields[2])
        name, alleles = fields[3] if len(fields) > 3 else "", [field.strip() for field in fields[4:6]]
        if not (len(alleles) == 2 and _ALLELE.match(alleles[0]) and all(map(_ALLELE.match, alleles[1].split(",")))
                and set(alleles) != {"-"}):  # fmt: skip
            found = _NAMED_ALLELES.match(name.strip())
            name, alleles = (found["id"] or "", [found["ref"], found["alt"]]) if found else ("", [])
        if not ends or not fields[0] or not alleles:
            msg = (
                f"{path}, line {number} is no variant (chrom, start, end, a name such as A>G; or ref and alt in "
                f"columns 5 and 6): {shown(line)}."
            )
            raise ValueError(msg)
        start, end = int(fields[1]), int(fields[2])
        reason = "" if end - start == len(alleles[0].replace("-", "")) else LENGTH
        for alt in alleles[1].split(","):
            yield _row(record, fields[0], start + 1, alleles[0], alt, "" if name == "." else name, reason=reason)
        record += 1


def _of_vcf(path: Path, sample: str | None, *, only_passed: bool) -> Iterator[tuple]:
    try:
        import pysam
    except ImportError as error:
        error.add_note('Reading VCF files needs pysam: pip install "iceqream[variants]"')
        raise
    # what is wrong comes as an error; a missing index and contigs that the header lacks are nothing to the user
    before = pysam.set_verbosity(0)
    try:
        # as a stream: a path would be searched for jumps, which files that are gzipped and not bgzipped refuse
        with path.open("rb") as file:
            with reading(path, "a VCF"):
                records = pysam.VariantFile(file)
            known = list(records.header.samples)
            if sample is not None and sample not in known:
                near = did_you_mean(sample, known)
                msg = f"{path} has no sample {sample!r}; its samples are {examples(known) or 'none'}.{near}"
                raise KeyError(msg)
            with reading(path, "a VCF"):
                for number, record in enumerate(records):
                    yield from _of_record(number, record, sample, only_passed=only_passed)
    finally:
        pysam.set_verbosity(before)


def _of_record(number: int, record: Any, sample: str | None, *, only_passed: bool) -> Iterator[tuple]:
    place = (number, str(record.chrom), int(record.pos), record.ref or "")
    name = record.id or ""
    reason = FILTERED if only_passed and set(record.filter.keys()) - {"PASS"} else ""
    for index, alt in enumerate(record.alts or (".",), start=1):
        if sample is None or reason:
            yield _row(*place, alt, name, reason=reason)
            continue
        genotype = record.samples[sample]
        found = tuple(genotype.allele_indices or ())
        known = tuple(i for i in found if i is not None)
        if not known or len(known) < len(found):
            yield _row(*place, alt, name, reason=NO_GENOTYPE)
        elif index not in known:
            yield _row(*place, alt, name, reason=NOT_CARRIED)
        elif len(set(known)) > 1 and not genotype.phased:
            yield _row(*place, alt, name, reason=UNPHASED)
        else:
            for copy, carried in enumerate(known, start=1):
                if carried == index:
                    yield _row(*place, alt, name, f"{sample}|{copy}")


def _overlapping(table: pd.DataFrame) -> np.ndarray:
    """Return which variants overlap one of the same haplotype that begins before them, or with them and is first."""
    start, size = table["start"].to_numpy(), table["removed"].str.len().to_numpy()
    of = pd.factorize(pd.MultiIndex.from_frame(table[["haplotype", "chrom"]]))[0]
    # what is inserted at a base stands before what replaces it
    order = np.lexsort((np.arange(len(table)), size, start, of))
    bad = np.zeros(len(table), dtype=bool)
    last = None
    for i in order:
        if last is not None and of[i] == of[last]:
            end = start[last] + size[last]
            if start[i] < end or (size[i] == size[last] == 0 and start[i] == start[last]):
                bad[i] = True
                continue
        last = i
    return bad
