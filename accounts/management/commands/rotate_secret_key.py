"""``manage.py rotate_secret_key``: seal every two-factor secret with the present SECRET_KEY.

Set SECRET_KEY to the new key and SECRET_KEY_FALLBACKS to the one before, restart, run this, then drop the old one: with
it, secrets that are not sealed anew would not open any more, and their owners not get in. The site stays up meanwhile.
"""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.db import transaction

from accounts.adapter import sealed_anew
from accounts.management.rotation import RotationCommand

SEALED = ("secret", "seed")  # of an authenticator app; what recovery codes are derived from


class Command(RotationCommand):
    help = "Seal every two-factor secret with the present SECRET_KEY (old ones: SECRET_KEY_FALLBACKS)."
    key = "key"

    def rotate(self, *, check: bool) -> tuple[int, str]:
        left, lost = 0, []
        for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
            try:
                left += self._rotate(pk, check=check)
            except InvalidToken:
                lost.append(pk)
        people = Authenticator.objects.filter(pk__in=lost).values_list("user__username", flat=True)
        names = ", ".join(sorted(set(people)))
        return left, f"No key given opens the second factor of: {names}." if lost else ""

    @transaction.atomic
    def _rotate(self, pk: int, *, check: bool) -> bool:
        """Whether it was (or, with ``check``, has to be) sealed anew. Held meanwhile: a code may be used just now."""
        row = Authenticator.objects.select_for_update().filter(pk=pk).first()
        if row is None:
            return False
        anew = {name: sealed_anew(row.data[name]) for name in SEALED if name in row.data}
        changed = {name: sealed for name, sealed in anew.items() if sealed}
        if changed and not check:
            row.data |= changed
            row.save(update_fields=["data"])
        return bool(changed)
