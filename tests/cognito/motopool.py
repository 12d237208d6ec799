"""A user pool in moto, with people in it.

moto (5.2) wants `ReadAttributes` for a claim to be in the ID token, checks no `SECRET_HASH` at InitiateAuth, knows no
EMAIL_OTP, takes any SMS code, and has one TOTP secret for everybody, whose codes it checks only where
`MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP` is true.
"""

from typing import Any

import boto3
import pytest
from moto.cognitoidp.models import COGNITO_TOTP_MFA_SECRET
from moto.cognitoidp.utils import cognito_totp

from chalicelib.credentials import UserPool
from chalicelib.secret import Secret
from tests.fakes import NOON

REGION = "eu-central-1"
FLOW = "ALLOW_USER_PASSWORD_AUTH"


class _Noon:
    """What moto takes the time of a TOTP code from, standing still: a code must not run out while it is sent."""

    @staticmethod
    def time() -> float:
        return NOON


def totp_on(patch: pytest.MonkeyPatch) -> None:
    """Let moto check the codes of authenticator apps, at noon."""
    patch.setenv("MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP", "true")
    patch.setattr("moto.cognitoidp.utils.time", _Noon)


class MotoPool:
    """A pool with an app client, and one person for each way in which a sign-in can go."""

    def __init__(self, endpoint: str, password: str, *, with_secret: bool = False) -> None:
        session: Any = boto3.session.Session()
        self._client = session.client(
            "cognito-idp",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self._password = password
        pool_id = self._client.create_user_pool(PoolName="gantry")["UserPool"]["Id"]
        self._client.set_user_pool_mfa_config(
            UserPoolId=pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
        )
        made = self._client.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName="gantry",
            GenerateSecret=with_secret,
            ExplicitAuthFlows=[FLOW],
            ReadAttributes=["email", "email_verified", "name", "preferred_username"],
        )["UserPoolClient"]
        secret = made.get("ClientSecret")
        self.pool = UserPool(pool_id, made["ClientId"], Secret(secret) if secret else None)

    def add(self, username: str, **attributes: str) -> str:
        """Add a person whose password is permanent; return their `sub`."""
        sub = self.add_invited(username, **attributes)
        self._client.admin_set_user_password(
            UserPoolId=self.pool.id, Username=username, Password=self._password, Permanent=True
        )
        return sub

    def add_invited(self, username: str, **attributes: str) -> str:
        """Add a person whose password is a temporary one; return their `sub`."""
        plain = [{"Name": name, "Value": value} for name, value in attributes.items()]
        made = self._client.admin_create_user(
            UserPoolId=self.pool.id,
            Username=username,
            TemporaryPassword=self._password,
            UserAttributes=plain,
            MessageAction="SUPPRESS",
        )
        return str(next(each["Value"] for each in made["User"]["Attributes"] if each["Name"] == "sub"))

    def disable(self, username: str) -> None:
        """Switch a person off."""
        self._client.admin_disable_user(UserPoolId=self.pool.id, Username=username)

    def enrol(self, username: str) -> None:
        """Give a person an authenticator app."""
        tokens = self._client.initiate_auth(
            ClientId=self.pool.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": self._password},
        )["AuthenticationResult"]
        self._client.associate_software_token(AccessToken=tokens["AccessToken"])
        self._client.verify_software_token(AccessToken=tokens["AccessToken"], UserCode=self.code())
        self._client.admin_set_user_mfa_preference(
            UserPoolId=self.pool.id,
            Username=username,
            SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
        )

    def code(self) -> str:
        """The code that moto takes from anybody's app at noon."""
        return cognito_totp(COGNITO_TOTP_MFA_SECRET).generate(int(NOON)).decode()

    def close(self) -> None:
        """Close the connections to moto."""
        self._client.close()
