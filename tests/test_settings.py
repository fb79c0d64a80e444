import logging

import pytest

import iceqream as iq


@pytest.fixture(autouse=True)
def _as_before():
    yield
    iq.settings.verbosity, iq.settings.progress = None, True


def test_one_handler_however_often_it_is_set(capsys, monkeypatch):
    logger = logging.getLogger("iceqream")
    for level in ("warning", "info", logging.DEBUG, "info"):
        iq.settings.verbosity = level
    assert logger.handlers == [iq.settings._handler]
    assert repr(iq.settings) == "Settings(verbosity='info', progress=True)"
    iq.settings.verbosity = None
    assert logger.handlers == [iq.settings._handler]
    assert iq.settings.verbosity is None


def test_warnings_are_shown_without_further_ado(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logging.getLogger("iceqream.x").warning("worth less than it seems")
    logging.getLogger("iceqream.x").info("not at all")
    assert capsys.readouterr().err == "WARNING iceqream.x: worth less than it seems\n"


def test_the_log_is_written_unless_the_application_writes_it(capsys, monkeypatch):
    root = logging.getLogger()
    iq.settings.verbosity = "info"
    logging.getLogger("iceqream.x").info("once")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(root, "handlers", [])
    logging.getLogger("iceqream.x").info("once")
    logging.getLogger("iceqream.x").debug("not at all")
    assert capsys.readouterr().err == "INFO iceqream.x: once\n"


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="verbosity must be one of 'error', 'warning'"):
        iq.settings.verbosity = "loud"
    with pytest.raises(TypeError, match="progress must be True or False"):
        iq.settings.progress = 1


def test_progress_bars_can_be_switched_off(capsys, monkeypatch):
    from iceqream._progress import progress_bar

    monkeypatch.setenv("TQDM_DISABLE", "0")
    iq.settings.progress = False
    with progress_bar(2, "x", "y") as bar:
        bar.update()
    assert bar.disable
