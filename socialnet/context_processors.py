"""What every page's frame needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.http import HttpRequest
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts import selectors as people
from faceaccess import selectors as faces

STYLESHEETS = [
    f"css/{name}.css"
    for name in (
        *("tokens", "base", "shell", "components", "forms"),
        *("feed", "photo", "compose", "drawings", "entrance", "people", "face", "members"),
    )
]

# address name, icon, label, label under an icon on a small screen
PLACES = (
    ("feed", "home", gettext_lazy("Feed"), gettext_lazy("Feed")),
    ("people", "people", gettext_lazy("People"), gettext_lazy("People")),
    ("post-new", "plus", gettext_lazy("New post"), pgettext_lazy("verb", "Post")),
    ("face-inbox", "inbox", gettext_lazy("Photos of you"), gettext_lazy("Of you")),
    ("face", "face", gettext_lazy("Your face"), gettext_lazy("Your face")),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """Counts for the navigation are lazy: pages that do not draw it pay nothing."""
    frame: dict[str, object] = {"stylesheets": STYLESHEETS}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return frame
    here = request.resolver_match.view_name if request.resolver_match else ""
    counts: dict[str, Callable[[], int]] = {
        "people": cache(lambda: people.requests_for(user).count()),
        "face-inbox": cache(lambda: faces.inbox(user).count()),
    }
    frame["navigation"] = [
        {
            "name": name,
            "icon": icon,
            "label": label,
            "short": short,
            "current": name == here,
            "count": counts.get(name),
        }
        for name, icon, label, short in PLACES
    ]
    return frame
