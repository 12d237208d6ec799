"""The stand-in workspace: its accounts, settings, limits and what it has seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from playground.people import DEMO_PEOPLE, Person
from playground.workspace.accounts import Accounts, Clock
from playground.workspace.calls import Call, CallLog, Fault, Faults
from playground.workspace.clients import CLIENTS, DEFAULT, Client
from playground.workspace.limits import FailedLogins, RateLimiter
from playground.workspace.logins import Logins
from playground.workspace.permissions import default_permissions, may
from playground.workspace.records import Document
from playground.workspace.second_factor import Mail, SecondFactor
from playground.workspace.settings import Settings, default_settings
from playground.workspace.store import MemoryStore, Store
from playground.workspace.switches import API, Switches
from playground.workspace.trace import Trace

VERSION = "8.6"
# Where a code is asked for in the middle of things; of these the settings are documented, the others a guess.
SECOND_FACTOR_ROUTES = frozenset(
    {"settings", "users.create", "users.createToken", "users.logout", "users.setActiveStatus"}
)


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
        create_tokens_secret: str | None = None,
        create_tokens_for_users: bool = False,
        client: str = DEFAULT,
    ) -> None:
        self.clock = clock
        self.client: Client = CLIENTS[client]  # what its page is served with
        self.version = version
        self.providers: Mapping[str, str] = {}  # where the providers of its own social logins are, by their names
        self.forwarded_count = forwarded_count
        self.create_tokens_secret = create_tokens_secret  # CREATE_TOKENS_FOR_USERS_SECRET of 8.x
        self.create_tokens_for_users = create_tokens_for_users  # CREATE_TOKENS_FOR_USERS=true of 6.x and 7.x
        self.permissions = default_permissions()  # role to permissions, which a test may change
        self.second_factor_routes = set(SECOND_FACTOR_ROUTES)  # ask tokens that do not ignore two-factor
        self.second_factor_always: set[str] = set()  # ask those too that do, as some did until 8.6.0
        self.joined: set[str] = set()  # ids of the accounts that have joined the default channels
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
        self.switches = Switches(self.trace, self.faults, self.rate_limiter)
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

    def add_administrator(
        self, username: str = "administrator", *, role: str = "admin", ignores_second_factor: bool = True
    ) -> tuple[str, str]:
        """Add a service account with that role: its id, and a personal access token that ignores two-factor or not."""
        person = Person(username=username, email=f"{username}@example.org", password=None, roles=(role, "user"))
        document = self.add(person)
        token = self.accounts.new_personal_access_token(
            document, "service", ignores_second_factor=ignores_second_factor
        )
        return document["_id"], token

    def deactivate(self, username: str) -> None:
        """What an administrator does with one switch: the account is inactive and all its logins end."""
        with self.lock:
            self.accounts.update(username, {"active": False})
            self.accounts.remove_login_tokens(self.accounts[username])

    @property
    def told_version(self) -> str:
        """The version that `/api/info` tells: that of the client, where it belongs to one."""
        return self.client.version or self.version

    def is_at_least(self, major: int, minor: int = 0) -> bool:
        """Whether the workspace has that version or a newer one."""
        return self.release >= (major, minor)

    @property
    def release(self) -> tuple[int, ...]:
        """Major and minor number of the version."""
        return tuple(int(part) for part in self.version.split(".")[:2])

    def may(self, account: Document | None, permission: str) -> bool:
        """Whether one of the account's roles has that permission here."""
        return may(self.permissions, account, permission)

    def calls(self, route: str | None = None) -> list[Call]:
        """The API calls so far: of one route ("login", "me", "info", "settings", "users.create", …), or all."""
        return self.call_log.of(route)

    def wait_for_calls(self, route: str, count: int = 1, timeout: float = 5) -> list[Call]:
        """Wait until so many calls of a route have arrived; TimeoutError when they do not."""
        return self.call_log.wait(route, count, timeout)

    def fault(self, route: str, fault: Fault, times: int | None = 1) -> None:
        """Let the next calls of a route ("*" for any) go wrong; `times=None` until `clear_faults`."""
        self.faults.put(route, fault, times)

    def clear_faults(self) -> None:
        """Behave again; held calls go on, and what somebody has switched on of the API is off."""
        for name in API.intersection(self.switches.on):
            self.switches.turn(name, False)
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
