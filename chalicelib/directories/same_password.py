"""A directory whose people have the same password in the workspace: the way without `users.createToken`.

Hosted workspaces have no secret for making tokens, so the password that the directory accepted is typed into the
workspace too, as the manuals describe. The workspace applies its own second factor, and the token is its own.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal, Protocol

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    EmailTaken,
    SecondFactorRequired,
    UsernameTaken,
    WorkspacePasswordDiffers,
    WrongCredentials,
)
from chalicelib.model import Caller, Challenge, Identity
from chalicelib.secret import Secret
from chalicelib.signin import Directory

# What this adds to the memo of a challenge: the password, and once the directory is content also who it said this is
# and the name by which the workspace knows them.
TYPED, IDENTITY, LOGIN = "typed", "identity", "login"


class Provisioner(Protocol):
    """A place that makes an account for a person who has none."""

    def create(self, identity: Identity, deadline: Deadline, *, password: Secret | None = None) -> str:
        """Return the new account's id. Raises a `SignInRefused` or `Unavailable`."""


class SamePasswordDirectory:
    """Ask `directory` who somebody is, then log in to `workspace` with the password that was typed.

    The account is the one that has this password under the person's e-mail address or username; `link_by` says which is
    tried first. Nobody's password is ever changed: where the workspace has another one, the person is told so. Without
    an account there, `provisioner` makes one with the typed password; None makes none. All this is done where `applies`
    says so, which is asked at each sign-in since the secret decides; elsewhere the directory is left to itself.
    """

    def __init__(
        self,
        directory: Directory,
        workspace: Directory,
        provisioner: Provisioner | None,
        applies: Callable[[Deadline], bool],
        link_by: Literal["email", "username"] = "email",
    ) -> None:
        self._directory = directory
        self._workspace = workspace
        self._provisioner = provisioner
        self._applies = applies
        self._link_by = link_by

    @property
    def name(self) -> str:
        """The name of the directory that knows the people."""
        return self._directory.name

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who this is, with the account and the token of the workspace's login.

        Raises as either directory does, and `WorkspacePasswordDiffers` where the workspace does not accept what the
        other one did.
        """
        if not self._applies(caller.deadline):
            return self._directory.authenticate(username, password, caller)
        try:
            identity = self._directory.authenticate(username, password, caller)
        except SecondFactorRequired as required:
            required.memo[TYPED] = password.reveal()
            raise
        return self._log_in(identity, password, caller)

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge`, the directory's or the workspace's; raises as `authenticate`."""
        if TYPED not in challenge.memo:
            return self._directory.answer(challenge, code, caller)
        memo = dict(challenge.memo)
        password = Secret(memo.pop(TYPED))
        if IDENTITY in memo:
            login, identity = memo.pop(LOGIN), Identity(**json.loads(memo.pop(IDENTITY)))
            asked = replace(challenge, username=login, memo=memo)
            try:
                return _joined(identity, self._workspace.answer(asked, code, caller))
            except SecondFactorRequired as required:
                raise _remembering(required, identity, login, password) from None
        try:
            identity = self._directory.answer(replace(challenge, memo=memo), code, caller)
        except SecondFactorRequired as required:
            required.memo[TYPED] = password.reveal()
            raise
        return self._log_in(identity, password, caller)

    def _log_in(self, identity: Identity, password: Secret, caller: Caller) -> Identity:
        for login in self._logins(identity):
            account = self._account(identity, login, password, caller)
            if account is not None:
                return account
        if self._provisioner is None:
            raise WorkspacePasswordDiffers
        try:
            self._provisioner.create(identity, caller.deadline, password=password)
        except UsernameTaken:
            raise WorkspacePasswordDiffers from None
        except EmailTaken:
            # By an account with another password, or by a sign-in of the same person at this moment.
            pass
        # It has an address, without which none is made, and may have another username than the person asked for.
        account = self._account(identity, identity.email or "", password, caller)
        if account is None:
            raise WorkspacePasswordDiffers
        return account

    def _account(self, identity: Identity, login: str, password: Secret, caller: Caller) -> Identity | None:
        """Return `identity` with the account that `login` and `password` open, None where they open none."""
        try:
            return _joined(identity, self._workspace.authenticate(login, password, caller))
        except SecondFactorRequired as required:
            raise _remembering(required, identity, login, password) from None
        except WrongCredentials:
            return None

    def _logins(self, identity: Identity) -> Iterator[str]:
        names = [identity.email, identity.username]
        yield from filter(None, names if self._link_by == "email" else reversed(names))


def _joined(identity: Identity, account: Identity) -> Identity:
    second_factor = identity.second_factor or account.second_factor
    return replace(identity, account=account.account, login=account.login, second_factor=second_factor)


def _remembering(
    required: SecondFactorRequired, identity: Identity, login: str, password: Secret
) -> SecondFactorRequired:
    required.memo.update({TYPED: password.reveal(), IDENTITY: json.dumps(identity.as_plain()), LOGIN: login})
    return required
