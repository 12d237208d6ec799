"""Rocket.Chat's two limits: calls a minute, and failed logins before a block."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from playground.workspace.accounts import Clock
from playground.workspace.settings import Settings

_DEFAULT_LIMIT = "API_Enable_Rate_Limiter_Limit_Calls_Default"
_OWN_LIMITS = {"users.register": "Rate_Limiter_Limit_RegisterUser"}


@dataclass(frozen=True)
class Verdict:
    """What the rate limiter says about one call."""

    allowed: bool
    limit: int
    remaining: int
    reset_ms: int
    wait_seconds: int

    def headers(self) -> dict[str, str]:
        """The headers that every limited answer carries; the reset is in epoch milliseconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_ms),
        }


class RateLimiter:
    """Rocket.Chat 8.6: by default 10 calls a minute for each route and client address, and one registration."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}
        self.exhausted = False  # refuse every call, of those too who may call often

    def take(self, route: str, address: str) -> Verdict:
        """Count one call of that route from that address and say whether it may go on."""
        limit = int(self._settings[_OWN_LIMITS.get(route, _DEFAULT_LIMIT)])
        length = int(self._settings["API_Enable_Rate_Limiter_Limit_Time_Default"]) / 1000
        now = self._clock()
        began, used = self._windows.get((route, address), (now, 0))
        if now >= began + length:
            began, used = now, 0
        used += 1
        self._windows[route, address] = (began, used)
        return Verdict(
            allowed=used <= limit and not self.exhausted,
            limit=limit,
            remaining=max(0, limit - used),
            reset_ms=int((began + length) * 1000),
            wait_seconds=max(1, math.ceil(began + length - now)),
        )

    def reset(self) -> None:
        """Begin every window anew."""
        self._windows.clear()


class FailedLogins:
    """Rocket.Chat 8.6: 50 failed logins in 5 minutes block an address, 10 a user; a success starts anew."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._failures: dict[tuple[str, str], list[float]] = defaultdict(list)

    def record(self, address: str, username: str) -> None:
        """Note one failed login."""
        now = self._clock()
        self._failures["Ip", address].append(now)
        if username:
            self._failures["User", username].append(now)

    def forgive(self, address: str, username: str) -> None:
        """Forget the failures before an accepted login."""
        self._failures.pop(("Ip", address), None)
        self._failures.pop(("User", username), None)

    def reset(self) -> None:
        """Unblock everybody."""
        self._failures.clear()

    def blocks_address(self, address: str) -> bool:
        """Whether that client address is blocked now."""
        return self._blocks("Ip", address, "Block_Multiple_Failed_Logins_Attempts_Until_Block_By_Ip")

    def blocks_user(self, username: str) -> bool:
        """Whether logins of that username are blocked now."""
        return self._blocks("User", username, "Block_Multiple_Failed_Logins_Attempts_Until_Block_by_User")

    def _blocks(self, kind: str, key: str, limit: str) -> bool:
        prefix = "Block_Multiple_Failed_Logins"
        if not (self._settings[f"{prefix}_Enabled"] and self._settings[f"{prefix}_By_{kind}"]):
            return False
        since = self._clock() - 60 * int(self._settings[f"{prefix}_Time_To_Unblock_By_{kind}_In_Minutes"])
        return sum(at > since for at in self._failures.get((kind, key), ())) >= int(self._settings[limit])
