"""Conventions as tests: signatures, docstrings, examples, import time, imports that point downwards."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import iceqream as iq

SOURCE = Path(iq.__file__).parent
MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages([str(SOURCE)], "iceqream.") if not name.endswith("__main__")
)
TOOLS = [(space, name) for space in ("pp", "tl", "pl", "get") for name in getattr(iq, space).__all__]
PUBLIC = TOOLS + [
    (space, name)
    for space in ("motifs", "models", "datasets")
    for name in getattr(iq, space).__all__
    if callable(getattr(getattr(iq, space), name))
]


# they return or write what they find, and change nothing
READERS = {
    "contribution_track", "dependency_map", "design", "insert_sites", "motif_sites", "mutagenesis",
    "saturation_summary", "score_variants", "spacing_scan", "validate_peaks", "variant_effects",
}  # fmt: skip
# they take a table
OF_TABLES = {"score_variants"}
# they make data out of files, coverage or cells, and have nothing to change in place
MAKERS = {"pseudobulk", "read_fragments", "read_bigwigs", "read_peaks", "call_peaks"}


@pytest.mark.parametrize(("space", "name"), [tool for tool in TOOLS if tool[1] not in MAKERS])
def test_tools_take_the_data_first_and_three_positional_arguments_at_most(space, name):
    parameters = list(inspect.signature(getattr(getattr(iq, space), name)).parameters.values())
    assert parameters[0].name == "data"
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 3
    names = {p.name: p for p in parameters}
    # discovered motifs are returned as well as written: they are used as a library
    if space in ("pp", "tl") and name not in READERS | {"discover_motifs"}:
        assert names["copy"].default is False
        assert names["copy"].kind is inspect.Parameter.KEYWORD_ONLY
    if space == "pl":
        assert names["show"].default is None
        assert names["save"].default is None
    if space != "pl" and name not in OF_TABLES:
        assert "mod" in names
    if name == "discover_motifs":
        assert "key_added" in names


OF_MODELS = [
    (space, name)
    for space, name in [*TOOLS, ("", "html_report")]
    for of in [inspect.signature(getattr(getattr(iq, space, iq), name)).parameters]
    if "key" in of and of["key"].default == "iq"
]


@pytest.mark.parametrize(("space", "name"), OF_MODELS)
def test_what_takes_a_model_takes_one_trajectory_of_a_manifold(space, name):
    parameters = list(inspect.signature(getattr(getattr(iq, space, iq), name)).parameters.values())
    after = parameters[[p.name for p in parameters].index("key") + 1]
    assert (after.name, after.default, after.kind) == ("trajectory", None, after.KEYWORD_ONLY)


def test_many_functions_take_a_model():
    assert len(OF_MODELS) == 56


@pytest.mark.parametrize(("space", "name"), PUBLIC)
def test_docstrings_describe_every_parameter(space, name):
    thing = getattr(getattr(iq, space), name)
    text = inspect.getdoc(thing)
    assert text
    assert text.splitlines()[0].endswith((".", ")"))
    if inspect.isclass(thing):
        return
    signature = inspect.signature(thing)
    sections = re.split(r"\n(\w[\w ]*)\n-+\n", text)
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert {"Parameters", "Returns", "Examples"} <= set(found) or name == "write"
    assert "Raises" in found or name == "simulated_motifs"
    described = {
        word.strip(" *")
        for line in re.findall(r"^(\*{0,2}\w[\w, ]*)$", found["Parameters"], re.MULTILINE)
        for word in line.split(",")
    }
    assert described >= set(signature.parameters), set(signature.parameters) - described
    assert signature.return_annotation is not inspect.Signature.empty


# extras that are too large for the tests of every day
NEEDS = {"iceqream.models.torch_export": "torch", "iceqream.models.torch_module": "torch"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    monkeypatch.chdir(tmp_path)  # some examples write files
    module = importlib.import_module(name)
    with np.printoptions(legacy=False):
        result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    plt.close("all")
    assert result.failed == 0


LAYERS = {
    "_core": 0, "_keys": 0, "_settings": 0, "_progress": 0, "_files": 0, "_bed": 0, "_binary": 0, "_colors": 0,
    "_anndata": 1,
    "_groups": 1, "_sequences": 1, "motifs": 1, "genome": 1, "coverage": 1, "models": 2, "_variants": 2,
    "_stored_models": 3,
    "inference": 3, "pp": 4,
    "get": 4, "tl": 5, "datasets": 5, "pl": 6, "report": 7, "_manifold_page": 7, "_report_loci": 7, "cli": 8,
}  # fmt: skip


def test_imports_point_downwards():
    for path in SOURCE.rglob("*.py"):
        part = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if part in {"__init__", "__main__"} or path == SOURCE / "models" / "__init__.py":
            continue  # the faces of the package; iq.models looks up two names of the layer above
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                if node.module == "iceqream":
                    names = [f"iceqream.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                if name.startswith("iceqream.") and name.split(".")[1] in LAYERS:
                    assert LAYERS[name.split(".")[1]] <= LAYERS[part], f"{path.name} imports {name}"
                if part == "_core":
                    assert name.split(".")[0] not in {"anndata", "mudata", "pandas", "matplotlib", "scanpy"}, path


def test_import_is_light():
    heavy = ("matplotlib.pyplot", "glum", "sklearn", "Bio", "mudata", "scanpy")
    code = f"import sys, iceqream; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_package_is_quiet_and_checks_without_assert():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert), f"{path}: assert"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                assert path.name == "cli.py", f"{path}: print"
