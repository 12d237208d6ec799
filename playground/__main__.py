"""`python -m playground NAME=value…`: a local workspace with Gantry in front of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from playground.people import DEMO_PEOPLE, PASSWORD
from playground.processes import Addresses, Failed, Signals, Stopped, run
from playground.words import WordError, read_words


def announce(addresses: Addresses) -> None:
    """Tell the person at the terminal where to go."""
    width = max(len(person.username) for person in DEMO_PEOPLE)
    people = "\n".join(f"    {person.username:<{width}}   {person.about}" for person in DEMO_PEOPLE)
    print(
        f"""
People, all with the password {PASSWORD}:
{people}

Gantry     {addresses.login_page} (login page), {addresses.session_check} (session check)
Workspace  {addresses.workspace} (a stand-in for Rocket.Chat): start here. Ctrl+C ends everything.
""",
        flush=True,
    )


def main(words: Sequence[str]) -> int:
    """Run the playground until a signal ends it: 0. A failure is 1 and a wrong word 2, each with one sentence."""
    signals = Signals()
    try:
        run(read_words(words, os.environ), os.environ, signals, announce)
    except WordError as error:
        print(error, file=sys.stderr)
        return 2
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except Stopped:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
