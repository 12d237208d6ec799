"""Whether two addresses are one site to a browser: what decides between `COOKIE_SITE` `same` and `cross`.

A site is a scheme and a registrable domain (HTML standard, "Sites"), and which part of a name can be registered stands
in the Public Suffix List (publicsuffix.org), which is not shipped with Gantry. This is an approximation of it:

- An address of numbers, and a name without a dot, is a site of its own.
- Below the suffixes of `SHARED`, where clouds give names to strangers, each whole name is a site of its own.
- Else the registrable domain is the last two labels; the last three where the last label is a country's (two letters)
  and the one before it is one that countries use for a second level (`SECOND_LEVEL`: `co.uk`, `com.br`).
- Two names that agree only because of a second level of one or two letters that is not in that list are `unsure`.

Where it is wrong, it is so for registries with other second levels (`city.kawasaki.jp`) and for private suffixes that
are not in `SHARED`: both then look like one site.
"""

from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

Relation = Literal["same", "cross", "unsure"]

SECOND_LEVEL = frozenset(
    {
        *("ac", "asn", "biz", "co", "com", "conf", "edu", "gen", "go", "gob", "gouv", "gov", "gv", "id", "ind", "info"),
        *(
            "k12",
            "ltd",
            "me",
            "mil",
            "muni",
            "ne",
            "net",
            "nic",
            "nom",
            "or",
            "org",
            "plc",
            "priv",
            "pro",
            "res",
            "sch",
        ),
        *("school", "web"),
    }
)
SHARED = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "azurewebsites.net",
    "cloudfront.net",
    "duckdns.org",
    "fly.dev",
    "github.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.io",
    "nip.io",
    "on.aws",
    "onrender.com",
    "pages.dev",
    "rocket.chat",
    "run.app",
    "sslip.io",
    "trycloudflare.com",
    "vercel.app",
    "workers.dev",
)
"""Most stand in the list's private section. `rocket.chat` and `amazonaws.com` as a whole are taken to be shared: who
has a name below them has no sibling there."""


def registrable(host: str) -> str:
    """Return the registrable domain of a host name, as approximated above; the host itself where it has none."""
    host = host.rstrip(".").lower()
    labels = host.split(".")
    if len(labels) < 3 or _is_address(host) or any(host.endswith(f".{suffix}") for suffix in SHARED):
        return host
    kept = 3 if len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL else 2
    return ".".join(labels[-kept:])


def relation(one: str, other: str) -> Relation:
    """Tell whether two origins or addresses are of one site."""
    a, b = urlsplit(one), urlsplit(other)
    first, second = a.hostname or "", b.hostname or ""
    if a.scheme != b.scheme:
        return "cross"
    if first == second:
        return "same"
    shared = registrable(first)
    if not first or shared != registrable(second):
        return "cross"
    labels = shared.split(".")
    return "unsure" if len(labels) == 2 and len(labels[0]) <= 2 and len(labels[1]) == 2 else "same"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
