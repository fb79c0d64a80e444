"""What the package tells while it works: the log and the progress bars."""

from __future__ import annotations

import logging

_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}


class Settings:
    """Log and progress bars of the package; the one instance is ``iceqream.settings``.

    Attributes
    ----------
    verbosity
        What is logged to standard error: ``"error"``, ``"warning"`` (what is dropped or replaced), ``"info"`` (each
        step with its counts), ``"debug"``, or a level of the module logging. Where the application has set logging up
        its handlers write instead. ``None``, at first, leaves the logger "iceqream" to the application.
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
        self._handler = logging.StreamHandler()
        self._handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        # an application that has set logging up would get every line twice
        self._handler.addFilter(lambda _: not logging.getLogger().handlers)
        self._progress = True

    def __repr__(self) -> str:
        return f"Settings(verbosity={self.verbosity!r}, progress={self.progress})"

    @property
    def verbosity(self) -> str | None:
        """The level that is logged, ``None`` if that is left to the application."""
        level = logging.getLogger("iceqream").level
        return next((name for name, value in _LEVELS.items() if value == level), str(level) if level else None)

    @verbosity.setter
    def verbosity(self, level: str | int | None) -> None:
        logger = logging.getLogger("iceqream")
        if level is None:
            logger.removeHandler(self._handler)
            logger.setLevel(logging.NOTSET)
            return
        number = level if isinstance(level, int) and not isinstance(level, bool) else _LEVELS.get(str(level).lower())
        if number is None:
            msg = f"verbosity must be one of {', '.join(map(repr, _LEVELS))} or a level of logging, got {level!r}."
            raise ValueError(msg)
        logger.addHandler(self._handler)  # once only, however often it is added
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
