"""`python -m playground.database`: have a MongoDB server for the tests and the playground.

With GANTRY_SKIP_NOTHING=1, as continuous integration sets it, finding none is a failure.
"""

from __future__ import annotations

import os
import sys

from playground.database.engine import Unavailable
from playground.database.preparation import prepare

SKIP_NOTHING = "GANTRY_SKIP_NOTHING"


def main() -> int:
    """Prepare an engine and say which; 1 only when there is none and nothing may be skipped."""
    try:
        print(f"Database: {prepare()}")
    except Unavailable as reason:
        sys.stdout.flush()
        print(f"No database: {reason}", file=sys.stderr)
        if os.environ.get(SKIP_NOTHING) == "1":
            print(f"{SKIP_NOTHING} is set: that is a failure.", file=sys.stderr)
            return 1
        print("The tests that need one will be skipped.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
