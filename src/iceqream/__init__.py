"""IceQream: explain from DNA sequence how the accessibility of regulatory elements changes between cell states."""

from importlib.metadata import version

from iceqream import datasets, get, models, motifs, pl, pp, tl
from iceqream._settings import settings
from iceqream.coverage import Coverage
from iceqream.genome import Genes, Genome
from iceqream.report import html_report

__version__ = version("iceqream")
__all__ = [
    "Coverage",
    "Genes",
    "Genome",
    "datasets",
    "get",
    "html_report",
    "models",
    "motifs",
    "pl",
    "pp",
    "settings",
    "tl",
]
