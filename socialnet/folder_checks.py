"""A system check: can other users of the machine read the files of an embedded installation?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from socialnet.folders import is_open_to_others


@register(Tags.security)
def folder_is_ours_alone(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not is_open_to_others(settings.VAR_DIR):
        return []
    return [
        Warning(
            f"Other users of this machine can look into {settings.VAR_DIR}: database, queue, mails, sessions.",
            hint="It belongs to another user, or is shared on purpose, and was left as it is: chmod o-rwx.",
            id="socialnet.W010",
        )
    ]
