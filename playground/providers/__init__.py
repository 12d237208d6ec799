"""Stand-ins of Google, Facebook and Twitter, as far as a workspace's login and Gantry can see them.

    providers = Providers(clock=time.time)                    # people=DEMO unless told otherwise
    providers.applications["facebook"]          # {"app_id": …, "app_secret": …}, made at random: for the secret
    granted = providers.grant("google", "alice")              # what the provider gives to the workspace's popup
    providers.grant("google", "alice", application="another")     # a token of somebody else's application
    answer(granted), cancelled("google")                      # what a client of 1.x posts to the login page
    providers.expire(granted); providers.revoke(granted)
    providers.suspended.add("alice")                          # by Twitter
    providers.faults["google"] = "rate"                       # every call there until it is taken out: see FAULTS
    providers.slow_seconds = 0.5                              # how long "slow" waits at most
    providers.calls                                           # Seen(provider, route, method, names in the query)
    with serve_providers(providers) as serving:               # a thread; a free port on 127.0.0.1
        serving.urls["google"], serving.urls["facebook"], serving.urls["twitter"]     # base addresses for `bootstrap`
        serving.urls["google"] + "/consent?origin=…"          # the popup: see consent.py

The paths below a base address are the vendor's own. Google's two hosts stand at one address here.
"""

from playground.providers.people import DEMO, NAMES, ProviderPerson
from playground.providers.providers import FAULTS, Grant, Providers, Seen, answer, cancelled
from playground.providers.serving import Serving, serve_providers

__all__ = [
    "DEMO",
    "FAULTS",
    "NAMES",
    "Grant",
    "ProviderPerson",
    "Providers",
    "Seen",
    "Serving",
    "answer",
    "cancelled",
    "serve_providers",
]
