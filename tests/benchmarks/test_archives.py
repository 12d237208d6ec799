"""Sizes by package, and the archive without its byte code."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from benchmarks.archives import Size, is_byte_code, size_by_package, without_byte_code

FILES = {
    "app.py": b"app",
    "__pycache__/app.cpython-311.pyc": b"byte code",
    "chalicelib/log.py": b"log",
    "chalicelib/web/__pycache__/pages.cpython-311.pyc": b"byte code",
    "_cffi_backend.cpython-311-x86_64-linux-gnu.so": b"library",
    "jinja2-3.1.6.dist-info/METADATA": b"metadata",
    "pyjwt-2.15.1.dist-info/METADATA": b"metadata",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with ZipFile(tmp_path / "given.zip", "w", ZIP_DEFLATED) as written:
        for name, content in FILES.items():
            written.writestr(name, content * 1000)
    return tmp_path / "given.zip"


def test_sizes_are_added_up_by_package(archive: Path) -> None:
    """Each package counts with its byte code, all metadata as one, and nothing is left out."""
    sizes = size_by_package(archive)
    assert {name: size.unpacked for name, size in sizes.items()} == {
        "app.py": 12_000,
        "chalicelib": 12_000,
        "_cffi_backend": 7_000,
        "*.dist-info": 16_000,
    }
    with ZipFile(archive) as opened:
        assert sum(size.zipped for size in sizes.values()) == sum(each.compress_size for each in opened.infolist())
    zipped = [size.zipped for size in sizes.values()]
    assert zipped == sorted(zipped, reverse=True)
    assert all(isinstance(size, Size) for size in sizes.values())


def test_only_byte_code_is_removed(archive: Path, tmp_path: Path) -> None:
    """What is left without byte code is every other file, compressed as it was."""
    with ZipFile(without_byte_code(archive, tmp_path / "stripped.zip")) as stripped, ZipFile(archive) as given:
        names = [name for name in FILES if not name.endswith(".pyc")]
        assert stripped.namelist() == names
        for name in names:
            assert stripped.read(name) == given.read(name)
            assert stripped.getinfo(name).compress_size == given.getinfo(name).compress_size


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/__pycache__/b.cpython-311.pyc", True), ("b.pyc", True), ("pycparser/c_ast.py", False), ("a.py", False)],
)
def test_byte_code_is_known_by_its_name(name: str, expected: bool) -> None:
    """Byte code is what ends in .pyc or lies in a __pycache__."""
    assert is_byte_code(name) is expected
