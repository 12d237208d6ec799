"""Where and with what a run was made."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.archives import ROOT

_LIBRARIES = ("chalice", "pymongo", "requests", "cryptography", "boto3", "awslambdaric")


def described() -> dict[str, str]:
    """Machine and versions, for the head of the report."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} processors, {_memory()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load at the start": load(),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES),
        "commit": _commit(),
        "standard library": _standard_library(),
    }


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.2f}"


def _version(name: str) -> str:
    # What ships may do without a library that the baselines use, and the other way round.
    try:
        return version(name)
    except ImportError:
        return "not there"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"


def _commit() -> str:
    def told(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)  # noqa: S603, S607
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = ", with changes" if told("status", "--porcelain", "--untracked-files=no") else ""
    return (told("rev-parse", "--short", "HEAD") or "none") + changed


def _standard_library() -> str:
    """Say whether the standard library has byte code, as on Lambda: without it every figure would be another."""
    missing = [name for name, module in sorted(sys.modules.items()) if _lacks_byte_code(module)]
    return "has byte code" if not missing else f"has no byte code for {len(missing)} modules, {missing[0]} among them"


def _lacks_byte_code(module: object) -> bool:
    spec = getattr(module, "__spec__", None)
    origin, cached = getattr(spec, "origin", None), getattr(spec, "cached", None)
    if not origin or not cached or not Path(origin).is_relative_to(Path(os.__file__).parent):
        return False
    return "site-packages" not in origin and not Path(cached).exists()
