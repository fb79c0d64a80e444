"""Pictures: everything takes `show` and `save`; nothing changes rcParams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iceqream.pl._logos import logos
    from iceqream.pl._motif_regression import motif_regression
    from iceqream.pl._prediction_scatter import prediction_scatter
    from iceqream.pl._response_curves import response_curves

__all__ = ["logos", "motif_regression", "prediction_scatter", "response_curves"]


def __getattr__(name: str) -> Any:
    # matplotlib is imported with the first picture, not with the package
    if name in __all__:
        from importlib import import_module

        function = getattr(import_module(f"{__name__}._{name}"), name)
        globals()[name] = function
        return function
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
