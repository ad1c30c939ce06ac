"""How allauth sees our people: lowercase handles, and second factors that are sealed at rest."""

from __future__ import annotations

import base64
import logging

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.httpkit import clean_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Whatever the case it is typed in, a handle is lowercase."""
        return super().clean_username(username.strip().lower(), shallow)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Of who came through fewer proxies than settings.TRUSTED_PROXIES (a check from inside, say) what the farthest
        of these wrote down, as in the limits of the API; allauth answers with an error of the site."""
        try:
            return super().get_client_ip(request)
        except ImproperlyConfigured:
            farthest = request.headers["X-Forwarded-For"].split(",")[0]
            return clean_client_ip(farthest)


class UnreadableSecretError(ValidationError):
    """Sealed with a SECRET_KEY that is gone. A form that meets it says so."""


class TwoFactorAdapter(DefaultMFAAdapter):
    """Secrets of authenticator apps are encrypted at rest; their QR code is an inline drawing, not a data: address."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            log.error("A two-factor secret opens with no SECRET_KEY given: see docs/configuration.md.")
            text = _("Your second factor cannot be checked. Tell the people who look after the site.")
            raise UnreadableSecretError(text) from error

    def build_totp_svg(self, url: str) -> str:
        import qrcode

        code = qrcode.QRCode(border=4, error_correction=qrcode.constants.ERROR_CORRECT_M)
        code.add_data(url)
        rows = code.get_matrix()
        side = len(rows)
        dark = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, on in enumerate(row) if on)
        return format_html(
            '<svg class="qr" role="img" aria-label="{}" width="240" height="240" viewBox="0 0 {} {}" '
            'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{}v{}H0z"/><path fill="#000" d="{}"/></svg>',
            *(_("QR code for your authenticator app"), side, side, side, side, mark_safe(dark)),  # noqa: S308
        )


def sealed_anew(sealed: str) -> str | None:
    """With the present SECRET_KEY; None if it is that already. Raises InvalidToken for what no key opens."""
    try:
        _fernet(settings.SECRET_KEY).decrypt(sealed.encode())
    except InvalidToken:
        return _cipher().rotate(sealed.encode()).decode()
    return None


def _cipher() -> MultiFernet:
    """Seals with SECRET_KEY and opens with it or one of SECRET_KEY_FALLBACKS."""
    return MultiFernet([_fernet(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret: str) -> Fernet:
    key = HKDF(SHA256(), length=32, salt=None, info=b"mfmc two-factor v1").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
