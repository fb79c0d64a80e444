"""Progress bars, which `iceqream.settings.progress` or the environment variable TQDM_DISABLE switches off."""

from __future__ import annotations

from typing import Any

from iceqream._settings import settings


def progress_bar(total: int, description: str, unit: str, *, show: bool = True) -> Any:
    """Return a tqdm bar that suits terminals and notebooks."""
    from tqdm.auto import tqdm

    # an explicit disable=False would override the environment variable
    hidden: dict[str, Any] = {} if show and settings.progress else {"disable": True}
    return tqdm(total=total, desc=description, unit=unit, **hidden)
