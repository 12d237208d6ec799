"""The HTML pages: templates, texts, style and script, all in one answer."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib import colour
from chalicelib.config import LANGUAGES, Brand, Settings
from chalicelib.errors import WrongCode
from chalicelib.web import csp
from chalicelib.web.answers import Answer
from chalicelib.web.languages import choose, duration, text_of
from chalicelib.web.outcomes import message_of
from chalicelib.web.request import Request
from chalicelib.web.templates import environment

if TYPE_CHECKING:
    from chalicelib.model import Token
    from chalicelib.signin import CodeDue
    from chalicelib.web.relays import Relays

Link = Callable[[str], str]


@dataclass(frozen=True)
class Pages:
    """Draw pages for one request: whose they are, who may frame them, how its links begin, and in which language.

    `here` is the link to what was asked for: a second factor's form goes where the first form went.
    """

    name: str
    ancestors: Collection[str]
    link: Link
    here: str
    language: str
    settings: Settings | None = None

    @classmethod
    def of(cls, settings: Settings, request: Request) -> "Pages":
        """Return the pages of a workspace for a request."""
        language = choose(request.accept_language, settings.brand.languages)
        here = request.link(request.asked)
        return cls(settings.workspace_name, settings.frame_ancestors, request.link, here, language, settings)

    @classmethod
    def unconfigured(cls, ancestors: Collection[str], request: Request) -> "Pages":
        """Return the pages of a workspace that nothing is known of but who may frame them."""
        language = choose(request.accept_language, LANGUAGES)
        return cls("Gantry", ancestors, request.link, request.link(request.asked), language)

    def login(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        status: int = 200,
        username: str = "",
        error: Exception | None = None,
        relays: "Relays | None" = None,
    ) -> Answer:
        """Return the login page, with the username that was typed, what went wrong, and the workspace's own logins."""
        settings = self.settings
        data = None
        if settings is not None and relays is not None and relays.calls:
            data = {"origins": list(settings.origins), "calls": relays.calls}
        return self._page(
            "login.html",
            status,
            headers,
            username=username,
            framed_only=settings is not None and settings.cookie_site == "cross",
            foreign=settings is not None and settings.is_foreign,
            directory=settings.directory if settings is not None else "",
            relays=relays,
            data=data,
            **self._words(error),
        )

    def code(
        self,
        due: "CodeDue",
        now: float,
        headers: Mapping[str, str] | None = None,
        *,
        status: int = 401,
        error: Exception | None = None,
    ) -> Answer:
        """Return the second factor's form for `due`; `now` is in seconds since 1970."""
        left = duration(text_of(self.language), due.expires - now) if due.expires and due.expires > now else None
        wrong = WrongCode() if due.wrong else None
        return self._page("code.html", status, headers, due=due, left=left, **self._words(error or wrong))

    def handoff(
        self, token: "Token", origins: Collection[str], mode: str, headers: Mapping[str, str], *, alone: bool
    ) -> Answer:
        """Return the page that hands `token` to the workspace's window, at one of `origins` and in `mode`.

        At the top level (`alone`) nothing takes a message, so the page holds no token and links to the workspace.
        """
        data = None if alone else {"origins": list(origins), "mode": mode, "token": token.as_response()}
        return self._page("handoff.html", 200, headers, data=data)

    def outside(self, *, status: int = 200) -> Answer:
        """Return the page that says where the login page lives."""
        return self._page("outside.html", status)

    def logout(self) -> Answer:
        """Return the page with the one button that signs out."""
        return self._page("logout.html", 200)

    def signed_out(self, result: str, headers: Mapping[str, str]) -> Answer:
        """Return what signing out came to: `done`, `none` or `untold`."""
        return self._page("signed_out.html", 200, headers, result=result)

    def administrator(self, own_origin: str) -> Answer:
        """Return the page with what to paste into the workspace's settings."""
        return self._page("administrator.html", 200, base=own_origin)

    def notice(self, error: Exception, status: int, headers: Mapping[str, str]) -> Answer:
        """Return the page that says what went wrong, where there is no form to say it beside."""
        return self._page("notice.html", status, headers, **self._words(error))

    def _words(self, error: Exception | None) -> dict[str, Any]:
        """Return what a template needs to say what went wrong: the text's key, and the values that stand in it."""
        wait = duration(text_of(self.language), getattr(error, "retry_after", None) or 0)
        words = {"workspace": self.name, "duration": wait}
        return {"error": message_of(error) if error else "", "words": words}

    def _page(self, template: str, status: int, headers: Mapping[str, str] | None = None, **data: Any) -> Answer:
        nonce = csp.new_nonce()
        brand = self.settings.brand if self.settings else Brand(self.name)
        body = (
            environment()
            .get_template(template)
            .render(
                nonce=nonce,
                name=self.name,
                workspace_url=self.settings.rocketchat_url if self.settings else None,
                workspace_host=self.settings.workspace_host if self.settings else None,
                brand=brand,
                theme=colour.theme(brand.color) if brand.color else None,
                link=self.link,
                here=self.here,
                language=self.language,
                text=text_of(self.language),
                **data,
            )
        )
        return Answer(
            status,
            {
                "Content-Type": "text/html; charset=utf-8",
                # Without `Vary`: that speaks to caches, and no answer of ours is ever stored.
                "Content-Language": self.language,
                "Content-Security-Policy": csp.policy(nonce, self.ancestors, brand.logo_url),
                **(headers or {}),
            },
            body,
        )
