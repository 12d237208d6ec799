"""The workspace's settings, by Rocket.Chat's own ids."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

IFRAME = ("Accounts_iframe_enabled", "Accounts_iframe_url", "Accounts_Iframe_api_url", "Accounts_Iframe_api_method")
PUBLIC = frozenset(
    (
        *IFRAME,
        "Site_Url",
        "Accounts_TwoFactorAuthentication_Enabled",
        "Accounts_TwoFactorAuthentication_By_TOTP_Enabled",
    )
)

Settings = MutableMapping[str, Any]


def default_settings(*, iframe_url: str = "", api_url: str = "") -> dict[str, Any]:
    """Rocket.Chat 8.6: what a new workspace has, with the iframe switched on where its two addresses are given.

    The ids `Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In` (new accounts get e-mail codes) and
    `Rate_Limiter_Limit_RegisterUser` (registrations a minute from one address) are Rocket.Chat's, by public sources.
    """
    return {
        "Accounts_iframe_enabled": bool(iframe_url and api_url),
        "Accounts_iframe_url": iframe_url,
        "Accounts_Iframe_api_url": api_url,
        "Accounts_Iframe_api_method": "POST",
        "Site_Url": "",
        "Accounts_EmailVerification": False,
        "Accounts_RegistrationForm": "Public",  # or "Disabled", or "Secret URL"
        "Accounts_RegistrationForm_SecretURL": "",
        "UTF8_User_Names_Validation": "[0-9a-zA-Z-_.]+",
        "Accounts_TwoFactorAuthentication_Enabled": True,
        "Accounts_TwoFactorAuthentication_By_TOTP_Enabled": True,
        "Accounts_TwoFactorAuthentication_By_Email_Enabled": True,
        "Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In": True,
        "Accounts_TwoFactorAuthentication_MaxDelta": 1,
        "Accounts_TwoFactorAuthentication_By_Email_Code_Expiration": 3600,
        "Accounts_twoFactorAuthentication_email_available_for_OAuth_users": True,
        "API_Enable_Rate_Limiter": True,
        "API_Enable_Rate_Limiter_Limit_Calls_Default": 10,
        "API_Enable_Rate_Limiter_Limit_Time_Default": 60_000,
        "Rate_Limiter_Limit_RegisterUser": 1,
        "Block_Multiple_Failed_Logins_Enabled": True,
        "Block_Multiple_Failed_Logins_By_User": True,
        "Block_Multiple_Failed_Logins_Attempts_Until_Block_by_User": 10,
        "Block_Multiple_Failed_Logins_Time_To_Unblock_By_User_In_Minutes": 5,
        "Block_Multiple_Failed_Logins_By_Ip": True,
        "Block_Multiple_Failed_Logins_Attempts_Until_Block_By_Ip": 50,
        "Block_Multiple_Failed_Logins_Time_To_Unblock_By_Ip_In_Minutes": 5,
    }


def iframe_complete(settings: Settings) -> bool:
    """Rocket.Chat 8.6 shows its own login form unless all four iframe settings are set."""
    return all(settings.get(name) for name in IFRAME)
