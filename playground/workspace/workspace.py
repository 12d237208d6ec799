"""The stand-in workspace: its accounts, settings, limits and what it has seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from playground.people import DEMO_PEOPLE, Person
from playground.workspace.accounts import Accounts, Clock
from playground.workspace.calls import Call, CallLog, Fault, Faults
from playground.workspace.limits import FailedLogins, RateLimiter
from playground.workspace.logins import Logins
from playground.workspace.records import Document
from playground.workspace.second_factor import Mail, SecondFactor
from playground.workspace.settings import Settings, default_settings
from playground.workspace.store import MemoryStore, Store
from playground.workspace.trace import Trace

VERSION = "8.6"


class ManualClock:
    """A clock that a test turns by hand; it begins at the real time."""

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        self._now += seconds


class Workspace:
    """A workspace that behaves as Rocket.Chat 8.6 does, as far as Gantry can see it."""

    def __init__(
        self,
        *,
        clock: Clock = time.time,
        iframe_url: str = "",
        api_url: str = "",
        rate_limits: bool = True,
        people: Iterable[Person] = DEMO_PEOPLE,
        forwarded_count: int | None = None,
        version: str = VERSION,
        store: Store | None = None,
    ) -> None:
        self.clock = clock
        self.version = version
        self.forwarded_count = forwarded_count
        self.unauthorized_form: str = "status"  # or "success": Rocket.Chat answers a missing login in two forms
        self.store: Store = store or MemoryStore()
        self.settings: Settings = self.store.settings
        self.settings.update(default_settings(iframe_url=iframe_url, api_url=api_url))
        self.settings["API_Enable_Rate_Limiter"] = rate_limits
        self.lock = threading.RLock()
        self.accounts = Accounts(clock, self.store.records)
        self.people = tuple(people)
        self.second_factor = SecondFactor(self.accounts, self.settings)
        self.failed_logins = FailedLogins(clock, self.settings)
        self.rate_limiter = RateLimiter(clock, self.settings)
        self.logins = Logins(self.accounts, self.second_factor, self.failed_logins, self.settings)
        self.trace = Trace()
        self.call_log = CallLog()
        self.faults = Faults()
        for person in self.people:
            self.accounts.add(person)

    def connect(self, *, iframe_url: str, api_url: str, method: str = "POST") -> None:
        """Fill in the four iframe settings, as an administrator does under Accounts > Iframe."""
        self.settings.update(
            {
                "Accounts_iframe_enabled": True,
                "Accounts_iframe_url": iframe_url,
                "Accounts_Iframe_api_url": api_url,
                "Accounts_Iframe_api_method": method,
            }
        )

    def add(self, person: Person) -> Document:
        """Add an account while the workspace runs."""
        with self.lock:
            return self.accounts.add(person)

    def add_administrator(self, username: str = "administrator") -> tuple[str, str]:
        """Add an account with the role admin; its id and a personal access token that ignores two-factor."""
        person = Person(username=username, email=f"{username}@example.org", password=None, roles=("admin", "user"))
        document = self.add(person)
        return document["_id"], self.accounts.new_personal_access_token(document, "service")

    def deactivate(self, username: str) -> None:
        """What an administrator does with one switch: the account is inactive and all its logins end."""
        with self.lock:
            self.accounts.update(username, {"active": False})
            self.accounts.remove_login_tokens(username)

    def calls(self, route: str | None = None) -> list[Call]:
        """The API calls so far: of one route ("login", "me", "logout", "info", "settings.public"), or all."""
        return self.call_log.of(route)

    def wait_for_calls(self, route: str, count: int = 1, timeout: float = 5) -> list[Call]:
        """Wait until so many calls of a route have arrived; TimeoutError when they do not."""
        return self.call_log.wait(route, count, timeout)

    def fault(self, route: str, fault: Fault, times: int | None = 1) -> None:
        """Let the next calls of a route ("*" for any) go wrong; `times=None` until `clear_faults`."""
        self.faults.put(route, fault, times)

    def clear_faults(self) -> None:
        """Behave again; held calls go on."""
        self.faults.clear()

    def last_mail(self, username: str) -> Mail | None:
        """The newest e-mail with a code that went to that person."""
        with self.lock:
            return next((mail for mail in reversed(self.second_factor.mailbox) if mail.username == username), None)

    def client_address(self, headers: dict[str, str], socket_address: str) -> str:
        """Rocket.Chat 8.6: X-Real-IP where HTTP_FORWARDED_COUNT is unset, else X-Forwarded-For as far as it says."""
        if self.forwarded_count is None:
            return headers.get("x-real-ip", "").strip() or socket_address
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        if 0 < self.forwarded_count <= len(hops):
            return hops[-self.forwarded_count]
        return socket_address
