"""What is measured: the archive as `make package` makes it, the same without byte code, and apps to compare it with."""

import compileall
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from tests.deploy.conftest import LEFT_BEHIND, make
from tests.deploy.lambda_runtime import provide
from tests.secrets_manager import AWS

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "bench"

_PLAIN = """\
def app(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}
"""
_CHALICE = """\
from chalice import Chalice
{imports}
app = Chalice(app_name="bare")

@app.route("/session", methods=["GET", "POST"])
def session():
    return {{}}
"""


_REQUESTS = ("requests", "certifi", "charset-normalizer", "idna", "urllib3")
_PYMONGO = ("pymongo", "dnspython")
_FERNET = ("cryptography", "cffi", "pycparser")
_FLOORS = {
    "Chalice": ("", ()),
    "check, rest": ("import http.client, ssl\nfrom cryptography.fernet import Fernet", _FERNET),
    "check, mongodb": (
        "from cryptography.fernet import Fernet\nfrom pymongo import MongoClient",
        (*_FERNET, *_PYMONGO),
    ),
}
"""What a request cannot do without where Chalice is the framework, Fernet the seal and pymongo the driver."""


class BuildFailed(Exception):
    """`make package` did not make an archive; the text is what it said."""


@dataclass(frozen=True)
class Archives:
    """Unpacked archives, by what they are for.

    `baselines` are packed as a plain `chalice deploy` does: sources only. `floors` have byte code: Chalice apps that
    import what a request cannot do without, and call nobody.
    """

    archive: Path
    stripped: Path
    packed: Path
    sources: Path
    provided: Path
    baselines: Mapping[str, Path]
    floors: Mapping[str, Path]
    has_byte_code: bool


def build(archive: Path | None = None) -> Archives:
    """Make everything anew in `build/bench/`; `archive` takes the place of what `make package` would make.

    Raises `BuildFailed`. What Lambda has of its own is copied and compiled there: on Lambda it has byte code, too.
    """
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    made = _package(PLACE / "tree") if archive is None else archive
    packed, sources = _unpacked(made, PLACE / "packed"), _unpacked(made, PLACE / "sources")
    _remove_byte_code(sources)
    stripped = without_byte_code(made, PLACE / "without-byte-code.zip")
    baselines = {
        "plain handler": _app("plain", _PLAIN, sources, ()),
        "Chalice": _app("chalice", _CHALICE.format(imports=""), sources, ()),
        "Chalice + requests": _app(
            "requests", _CHALICE.format(imports="import requests"), sources, libraries(*_REQUESTS)
        ),
        "Chalice + MongoClient": _app(
            "mongoclient", _CHALICE.format(imports="from pymongo import MongoClient"), sources, libraries(*_PYMONGO)
        ),
    }
    floors = {
        name: _compiled(_app(f"floor {name}", _CHALICE.format(imports=imports), sources, libraries(*needed)))
        for name, (imports, needed) in _FLOORS.items()
    }
    with ZipFile(made) as opened:
        has_byte_code = any(map(is_byte_code, opened.namelist()))
    return Archives(made, stripped, packed, sources, _provided(PLACE / "provided"), baselines, floors, has_byte_code)


def is_byte_code(name: str) -> bool:
    """Whether a name in an archive is a byte code file's."""
    return name.endswith(".pyc") or "__pycache__" in name.split("/")


def without_byte_code(archive: Path, result: Path) -> Path:
    """Write the same archive without its byte code."""
    with ZipFile(archive) as given, ZipFile(result, "w", ZIP_DEFLATED) as written:
        for entry in given.infolist():
            if not is_byte_code(entry.filename):
                written.writestr(entry, given.read(entry), entry.compress_type)
    return result


@dataclass(frozen=True)
class Size:
    """What one package takes of an archive, in bytes, compressed and unpacked."""

    zipped: int = 0
    unpacked: int = 0


def size_by_package(archive: Path) -> dict[str, Size]:
    """The sizes of the top-level packages, the largest first. A distribution's metadata and loose modules are one each.

    The parts do not quite add up to the file's size: the archive has its directory beside them.
    """
    sizes: dict[str, Size] = {}
    with ZipFile(archive) as opened:
        for entry in opened.infolist():
            name = _package_of(entry.filename)
            before = sizes.get(name, Size())
            sizes[name] = Size(before.zipped + entry.compress_size, before.unpacked + entry.file_size)
    return dict(sorted(sizes.items(), key=lambda each: -each[1].zipped))


def _package_of(name: str) -> str:
    parts = [part for part in name.split("/") if part != "__pycache__"]
    top = parts[0] if parts else name
    if top.endswith(".dist-info"):
        return "*.dist-info"
    return top.partition(".")[0] + (".py" if top.endswith((".py", ".pyc")) else "")


def libraries(*names: str) -> tuple[Path, ...]:
    """What distributions have installed at the top of the environment's libraries. Raises `PackageNotFoundError`."""
    found = [(each, file.parts[0]) for each in map(distribution, names) for file in each.files or ()]
    # ".." leads to their programs, which nobody imports.
    tops = {Path(str(each.locate_file(top))) for each, top in found if top not in ("..", "__pycache__")}
    return tuple(sorted(top for top in tops if top.exists() and not top.name.endswith(".dist-info")))


def _package(tree: Path) -> Path:
    # A copy, so that neither an archive nor a record of a deployment in the working tree is touched.
    shutil.copytree(ROOT, tree, ignore=_only_sources)
    (tree / ".venv").symlink_to(sys.prefix)
    result = make(tree, "package", "STAGE=prod", environ={"AWS_DEFAULT_REGION": AWS["AWS_DEFAULT_REGION"]})
    if result.returncode:
        raise BuildFailed(result.stdout + result.stderr)
    return tree / "build/prod/deployment.zip"


def _only_sources(directory: str, names: list[str]) -> set[str]:
    environments = {name for name in names if (Path(directory) / name / "pyvenv.cfg").exists()}
    return {*LEFT_BEHIND(directory, names), *environments}


def _unpacked(archive: Path, directory: Path) -> Path:
    with ZipFile(archive) as opened:
        opened.extractall(directory)
    return directory


def _remove_byte_code(directory: Path) -> None:
    for cache in sorted(directory.rglob("__pycache__")):
        shutil.rmtree(cache)
    for loose in sorted(directory.rglob("*.pyc")):
        loose.unlink()


def _app(name: str, text: str, sources: Path, needed: Sequence[Path]) -> Path:
    directory = PLACE / "baselines" / name
    directory.mkdir(parents=True)
    (directory / "app.py").write_text(text)
    if text is not _PLAIN:
        shutil.copytree(sources / "chalice", directory / "chalice")
    _copy(needed, directory)
    _remove_byte_code(directory)
    return directory


def _compiled(directory: Path) -> Path:
    if not compileall.compile_dir(directory, quiet=2):
        raise BuildFailed(f"what is in {directory.name} does not compile")
    return directory


def _copy(things: Iterable[Path], directory: Path) -> None:
    for thing in things:
        if thing.is_dir():
            shutil.copytree(thing, directory / thing.name, dirs_exist_ok=True)
        else:
            shutil.copy2(thing, directory / thing.name)


def _provided(directory: Path) -> Path:
    links = PLACE / "links"
    links.mkdir()
    shutil.copytree(provide(links), directory, ignore=shutil.ignore_patterns("__pycache__"))
    return _compiled(directory)
