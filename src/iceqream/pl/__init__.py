"""Pictures: everything takes `show` and `save`; nothing changes rcParams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iceqream.pl._access_probability import ap_scatter, constitutive, normalization, total_ap
    from iceqream.pl._logos import logos
    from iceqream.pl._motif_regression import motif_regression
    from iceqream.pl._prediction_scatter import prediction_scatter
    from iceqream.pl._response_curves import response_curves

_HOMES = {
    "ap_scatter": "_access_probability",
    "constitutive": "_access_probability",
    "logos": "_logos",
    "motif_regression": "_motif_regression",
    "normalization": "_access_probability",
    "prediction_scatter": "_prediction_scatter",
    "response_curves": "_response_curves",
    "total_ap": "_access_probability",
}

__all__ = [
    "ap_scatter",
    "constitutive",
    "logos",
    "motif_regression",
    "normalization",
    "prediction_scatter",
    "response_curves",
    "total_ap",
]


def __getattr__(name: str) -> Any:
    # matplotlib is imported with the first picture, not with the package
    if name in _HOMES:
        from importlib import import_module

        function = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = function
        return function
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
