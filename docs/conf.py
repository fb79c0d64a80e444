"""Sphinx configuration."""

from importlib.metadata import version as _version

project = "iceqream"
author = "The iceqream authors"
copyright = "2026, the iceqream authors"
release = _version("iceqream")
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
]
autosummary_generate = True
default_role = "py:obj"
napoleon_google_docstring = False
nb_execution_mode = "off"
typehints_defaults = "braces"
# aliases of types whose parts are imported for type checking alone keep their names
suppress_warnings = ["sphinx_autodoc_typehints.forward_reference"]
html_theme = "sphinx_book_theme"
html_title = "iceqream"
exclude_patterns = ["_build"]
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "pandas": ("https://pandas.pydata.org/docs", None),
    "anndata": ("https://anndata.readthedocs.io/en/stable", None),
}
