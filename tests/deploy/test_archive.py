"""What goes to Lambda: the shipped requirements, Gantry, Chalice's two files, and nothing else."""

import csv
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.conftest import CANARY, Package


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
    foreign = [name for name in package.names if name not in expected and not name.startswith("chalicelib/")]
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


def test_the_archive_holds_no_byte_code(package: Package) -> None:
    """Byte code stays out even if an earlier run left some: Lambda cannot use it, and archives would differ."""
    assert not [name for name in package.names if "__pycache__" in name or name.endswith(".pyc")]


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


def test_the_archive_fits_into_a_direct_upload(package: Package) -> None:
    """The archive has less than 20 MB; Lambda takes 50 in one call, and a cold start unpacks all of it."""
    assert package.archive.stat().st_size < 20_000_000
