"""What the package tells while it works: the log and the progress bars."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that time: notebooks and tests exchange it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class Settings:
    """Log and progress bars of the package; the one instance is ``iceqream.settings``.

    Attributes
    ----------
    verbosity
        What is logged to standard error: ``"error"``, ``"warning"`` (what is dropped or replaced), ``"info"`` (each
        step with its counts), ``"debug"``, or a level of the module logging. Where the application has set logging up
        its handlers write instead. ``None``, at first: warnings, or what the application's logging lets through.
    progress
        Whether progress bars are shown.

    Examples
    --------
    >>> import iceqream as iq
    >>> iq.settings.verbosity = "info"
    >>> iq.settings
    Settings(verbosity='info', progress=True)
    >>> iq.settings.verbosity = None
    """

    def __init__(self) -> None:
        self._handler = _StandardError()
        self._handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        # an application that has set logging up would get every line twice
        self._handler.addFilter(lambda _: not logging.getLogger().handlers)
        # warnings tell that results are worth less than they seem: they are shown without further ado
        logging.getLogger("iceqream").addHandler(self._handler)
        self._progress = True

    def __repr__(self) -> str:
        return f"Settings(verbosity={self.verbosity!r}, progress={self.progress})"

    @property
    def verbosity(self) -> str | None:
        """The level that is logged, ``None`` if only warnings are, or what the application wants."""
        level = logging.getLogger("iceqream").level
        return next((name for name, value in _LEVELS.items() if value == level), str(level) if level else None)

    @verbosity.setter
    def verbosity(self, level: str | int | None) -> None:
        logger = logging.getLogger("iceqream")
        if level is None:
            logger.setLevel(logging.NOTSET)
            return
        number = level if isinstance(level, int) and not isinstance(level, bool) else _LEVELS.get(str(level).lower())
        if number is None:
            msg = f"verbosity must be one of {', '.join(map(repr, _LEVELS))} or a level of logging, got {level!r}."
            raise ValueError(msg)
        logger.setLevel(number)

    @property
    def progress(self) -> bool:
        """Whether progress bars are shown."""
        return self._progress

    @progress.setter
    def progress(self, value: bool) -> None:
        if not isinstance(value, bool):
            msg = f"progress must be True or False, got {value!r}."
            raise TypeError(msg)
        self._progress = value


settings = Settings()
