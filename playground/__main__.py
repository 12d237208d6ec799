"""`python -m playground NAME=value…`: a local workspace with Gantry in front of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial

from playground.people import PASSWORD, listed_in, people_for
from playground.processes import Addresses, Failed, Signals, Stopped, run
from playground.words import Demo, WordError, read_words


def announce(demo: Demo, addresses: Addresses, database: str) -> None:
    """Tell the person at the terminal where to go."""
    create_tokens = demo.create_tokens == "on"
    shown = listed_in(demo.settings, create_tokens=create_tokens) or people_for(demo.settings)
    width = max(len(person.username) for person in shown)
    people = "\n".join(f"    {person.username:<{width}}   {person.about}" for person in shown)
    relay = demo.settings.get("RELAY")
    asks = "" if demo.client == "1.x" else "; only the client 1.x answers: CLIENT=1.x"
    buttons = f"Relay      {relay}, by buttons that open a window of a stand-in{asks}\n" if relay else ""
    server = f"Database   {database}, tokens of kind {demo.settings['TOKEN_KIND']}\n" if database else ""
    print(
        f"""
People, all with the password {PASSWORD}:
{people}

{server}{buttons}Gantry     {addresses.login_page} (login page), {addresses.session_check} (session check)
Workspace  {addresses.workspace} (a stand-in for Rocket.Chat, client {demo.client}): start here. Ctrl+C ends everything.
""",
        flush=True,
    )


def main(words: Sequence[str]) -> int:
    """Run the playground until a signal ends it: 0. A failure is 1 and a wrong word 2, each with one sentence."""
    signals = Signals()
    try:
        demo = read_words(words, os.environ)
        run(demo, os.environ, signals, partial(announce, demo))
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
