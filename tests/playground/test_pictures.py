"""The documentation's pictures: there, small, and of the size that the command takes them in."""

import struct

import pytest

from playground.pictures import FOLDER, LARGEST_BYTES, NAMES, SCHEMES, path_of

WIDTHS = {"inspector": 1280}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_there(name: str, scheme: str) -> None:
    """Each picture is a PNG of the right width that does not weigh on a page."""
    content = path_of(name, scheme).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, _ = struct.unpack(">II", content[16:24])
    assert width == WIDTHS.get(name, 960)
    assert len(content) <= LARGEST_BYTES


def test_no_picture_is_left_over() -> None:
    """There is no picture that no command takes."""
    taken = {path_of(name, scheme).name for name in NAMES for scheme in SCHEMES}
    assert {path.name for path in FOLDER.iterdir()} == taken
