"""What goes to Lambda: the shipped requirements, Gantry, Chalice's two files, and nothing else."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import source_hash
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from admin.byte_code import NEVER_LOADED
from tests.deploy.conftest import CANARY, Package

CHECKED_HASH = 0b11
"""PEP 552: the source is named by its hash, and is looked at before the byte code is used."""


def shipped_requirements(tree: Path) -> set[tuple[str, str]]:
    lines = (tree / "requirements.txt").read_text("utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {(canonicalize_name(each.name), str(each.specifier).removeprefix("==")) for each in requirements}


def packed_distributions(package: Package) -> dict[tuple[str, str], str]:
    """Name and version of each distribution in the archive, with its list of files."""
    found: dict[tuple[str, str], str] = {}
    for name in package.names:
        if name.endswith(".dist-info/RECORD"):
            project, _, version = name.removesuffix(".dist-info/RECORD").rpartition("-")
            found[canonicalize_name(project), version] = name
    return found


def test_every_shipped_requirement_is_in_the_archive_in_the_pinned_version(package: Package) -> None:
    """The archive holds each line of requirements.txt, in exactly that version."""
    missing = shipped_requirements(package.tree) - packed_distributions(package).keys()
    assert not missing


def test_the_archive_holds_nothing_that_is_neither_ours_nor_required(package: Package) -> None:
    """Every file in the archive is Gantry's, one of Chalice's two, or listed by a shipped requirement."""
    distributions = packed_distributions(package)
    assert distributions.keys() <= shipped_requirements(package.tree)
    expected = {"app.py", "chalice/__init__.py", "chalice/app.py"}
    for record in distributions.values():
        expected |= {row[0] for row in csv.reader(package.read(record).splitlines())}
    names = [name for name in package.names if "__pycache__" not in name]
    foreign = [name for name in names if name not in expected and not name.startswith("chalicelib/")]
    assert not foreign


def test_what_only_developers_need_stays_at_home(package: Package) -> None:
    """Lambda's own boto3, Chalice's tools, our tests and the playground are not deployed."""
    at_home = {
        *("boto3", "botocore", "s3transfer", "pip", "setuptools", "wheel", "click", "pytest", "moto", "playwright"),
        *("tests", "playground", "admin", "docs", "benchmarks", "build", "vendor", ".git", ".venv", ".chalice"),
        *("requirements.txt", "requirements-dev.txt", "pyproject.toml", "Makefile", "README.md"),
    }
    assert not at_home & {name.split("/")[0] for name in package.names}


def test_all_of_chalicelib_is_deployed(package: Package) -> None:
    """Templates, static files and locales of chalicelib are in the archive as they are in the tree."""
    library = package.tree / "chalicelib"
    ours = {path.relative_to(package.tree).as_posix() for path in library.rglob("*") if path.is_file()}
    assert {name for name in package.names if name.startswith("chalicelib/")} == ours


def byte_code(package: Package) -> dict[str, bytes]:
    return {name: content for name, content in package.files.items() if name.endswith(".pyc")}


def test_every_module_that_may_be_loaded_is_compiled_ahead(package: Package) -> None:
    """Each module of the archive has its byte code, checked by hash, for the Python that packed it, and nothing else.

    Byte code by time is of no use on Lambda, where all files have one date; what an earlier run left is not packed.
    """
    expected = {
        str(
            PurePosixPath(name).parent
            / "__pycache__"
            / f"{PurePosixPath(name).stem}.{sys.implementation.cache_tag}.pyc"
        )
        for name in package.names
        if name.endswith(".py") and name.split("/")[0] not in NEVER_LOADED
    }
    found = byte_code(package)
    assert found.keys() == expected
    for name, content in found.items():
        folder, _, stem = name.rpartition("__pycache__/")
        source = package.files[folder + stem.partition(".")[0] + ".py"]
        assert int.from_bytes(content[4:8], "little") == CHECKED_HASH, name
        assert content[8:16] == source_hash(source), name


def test_byte_code_tells_nothing_of_whoever_compiled_it(package: Package) -> None:
    """Byte code and compiled templates name files as they lie in the archive, not as they lay in a working tree."""
    compiled = {name: content for name, content in package.files.items() if name.endswith((".pyc", ".jinja"))}
    places = [str(place).encode() for place in (package.tree, sys.prefix)]
    assert [name for name, content in compiled.items() if any(place in content for place in places)] == []
    assert (
        b"chalicelib/web/pages.py" in compiled[f"chalicelib/web/__pycache__/pages.{sys.implementation.cache_tag}.pyc"]
    )


def test_every_template_is_compiled_ahead(package: Package) -> None:
    """Each template of the archive has its compiled form beside it."""
    folder = "chalicelib/templates/"
    sources = [
        name.removeprefix(folder) for name in package.names if name.startswith(folder) and name.endswith(".html")
    ]
    compiled = {f"{folder}__pycache__/{name}.{sys.implementation.cache_tag}.jinja" for name in sources}
    assert sources
    assert {name for name in package.names if name.endswith(".jinja")} == compiled


def test_what_is_compiled_ahead_repeats_byte_for_byte(packages: Mapping[str, Package], tmp_path: Path) -> None:
    """Compiled again, elsewhere and under another hash seed, the same sources give the same files."""
    package = packages["prod"]
    for name in ("app.py", "requirements.txt"):
        shutil.copy(package.tree / name, tmp_path)
    shutil.copytree(package.tree / "chalicelib", tmp_path / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package.tree / "admin", tmp_path / "admin")
    subprocess.run(
        [sys.executable, "-m", "admin", "byte-code"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    made = [path for path in tmp_path.rglob("*") if path.suffix in (".pyc", ".jinja")]
    again = {str(path.relative_to(tmp_path)).removeprefix("vendor/"): path.read_bytes() for path in made}
    packed = {name: content for name, content in package.files.items() if name.endswith((".pyc", ".jinja"))}
    assert again.keys() == packed.keys()
    assert [name for name, content in again.items() if packed[name] != content] == []


def test_no_file_is_packed_twice(package: Package) -> None:
    """The archive names each file once."""
    assert len(package.names) == len(set(package.names))


def test_the_archive_tells_nothing_of_whoever_packed_it(package: Package) -> None:
    """What lies about in a working tree (`.env`, notes, Chalice's memory of a deployment) is in no packed file."""
    assert [name for name, content in package.files.items() if CANARY.encode() in content] == []


def test_compiled_libraries_are_for_the_functions_processor(package: Package) -> None:
    """Every compiled library is an ELF file for x86-64, as the functions are, whichever machine packed it."""
    libraries = {name: content[:20] for name, content in package.files.items() if name.endswith(".so")}
    assert libraries
    assert {each["Architectures"][0] for each in package.resources("AWS::Serverless::Function")} == {"x86_64"}
    assert [name for name, head in libraries.items() if head[:4] != b"\x7fELF" or head[18:20] != b"\x3e\x00"] == []


def test_the_archive_is_small(package: Package) -> None:
    """The archive has at most 12 MB; Lambda takes 50 in one call, and a cold start unpacks all of it."""
    assert package.archive.stat().st_size <= 12_000_000
