import gzip

import pytest

from iceqream._files import lines, read_text, reading, target


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_are_numbered_whatever_the_packing(tmp_path, pack):
    path = tmp_path / "text"
    path.write_bytes(pack(b"\xef\xbb\xbfone\r\ntwo\n\nfour"))
    assert list(lines(path)) == [(1, "one"), (2, "two"), (3, ""), (4, "four")]
    assert read_text(path) == "one\ntwo\n\nfour\n"


def test_what_is_no_text_is_named_with_its_line(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(ValueError, match="text, line 2: this is no UTF-8"):
        list(lines(path))
    # without compression the damage is where it is made
    whole = gzip.compress(b"one\n" * 100_000, compresslevel=0)
    for damaged, message in ((whole[:-100], "ends in the middle"), (whole[:12] + b"\x07\x07" + whole[14:], "damaged")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=message):
            list(lines(path))
    with pytest.raises(ValueError, match="is a folder, not a gene file"):
        list(lines(tmp_path, "gene file"))
    with pytest.raises(FileNotFoundError, match="There is no gene file"):
        list(lines(tmp_path / "none", "gene file"))
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        target(tmp_path / "none" / "x.h5")


class PanicException(BaseException):
    """As pyo3 calls it."""


class GroupNotFoundError(FileNotFoundError):
    """As zarr calls a folder that is no zarr."""


@pytest.mark.parametrize(
    "error", [kind("broken") for kind in (RuntimeError, KeyError, OSError, PanicException, GroupNotFoundError)]
)
def test_errors_of_libraries_name_the_file(error):
    with pytest.raises(ValueError, match=r"^x\.h5 cannot be read as a model: broken$"), reading("x.h5", "a model"):
        raise error


@pytest.mark.parametrize(
    "error",
    [MemoryError(), FileNotFoundError(2, "none"), PermissionError(13, "no"), OSError(28, "disk full"), ImportError(),
     KeyboardInterrupt(), SystemExit()],
)  # fmt: skip
def test_errors_of_the_machine_stay_as_they_are(error):
    with pytest.raises(type(error)) as caught, reading("x.h5", "a model"):
        raise error
    assert caught.value is error


def test_errors_that_name_the_file_stay_as_they_are():
    ours = ValueError("x.h5, line 3: no")
    with pytest.raises(ValueError, match=r"^x\.h5, line 3: no$") as caught, reading("x.h5", "a model"):
        raise ours
    assert caught.value is ours
