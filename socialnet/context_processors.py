"""What every page's frame needs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cache, lru_cache

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, IntegerField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts import selectors as people
from accounts.models import User
from community import notifications
from community.kinds import KINDS
from faceaccess import selectors as faces

NOBODY = -20_261_124_000  # stands for the person in the prepared statement; no account has this key

STYLESHEETS = [
    f"css/{name}.css"
    for name in (
        *("tokens", "base", "shell", "components", "forms"),
        *("feed", "photo", "compose", "drawings", "entrance", "people", "face", "members"),
        *("community", "albums", "lightbox", "tour"),
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

# what is found out about a newcomer, address name, words; in the order of the card on the feed
NEXT_STEPS = (
    ("enrolled", "face-enrol", gettext_lazy("Enrol your face")),
    ("friends", "people", gettext_lazy("Find people")),
    ("posted", "post-new", gettext_lazy("Post a photo")),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """What it counts is lazy: pages that do not draw it pay nothing."""
    frame: dict[str, object] = {"stylesheets": STYLESHEETS, "page_number": secrets.token_hex(4)}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return frame
    here = request.resolver_match.view_name if request.resolver_match else ""
    waiting = cache(lambda: _waiting(user))
    counts: dict[str, Callable[[], int]] = {
        "people": lambda: waiting()["requests"],
        "face-inbox": lambda: waiting()["inbox"],
    }
    frame["unseen"] = lambda: waiting()["unseen"]
    frame["first_steps"] = lambda: _first_steps(waiting())
    frame["next_step"] = lambda: _next_step(waiting(), here)
    frame["toured"] = user.toured_at is not None
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


def _waiting(user: User) -> dict[str, int | bool]:
    """All that the frame says about somebody, in one query: every page pays for it.

    Django needs some 50 ms to put this statement together and the database a few to answer it, so it is put together
    once, for nobody, and asked with the person's key in every place of nobody's.
    """
    sql, parameters, names = _statement(
        tuple(KINDS), connection.vendor, settings.FACE_PINNED_MODEL, settings.FACE_DEFAULT_MODEL
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [user.pk if value == NOBODY else value for value in parameters])
        return dict(zip(names, cursor.fetchone(), strict=True))


@lru_cache(maxsize=8)
def _statement(*depends_on: object) -> tuple[str, tuple[object, ...], list[str]]:
    """The statement of ``waiting_for``, its parameters with NOBODY among them, and the names of its columns."""
    with connection.execute_wrapper(_refuse):
        found = waiting_for(User(pk=NOBODY))
        sql, parameters = found.query.get_compiler(connection.alias).as_sql()
    return sql, tuple(parameters), list(found.query.annotation_select)


def _refuse(*_: object) -> None:
    raise AssertionError("what was asked while the statement is put together would hold for nobody only")


def waiting_for(user: User) -> QuerySet:
    """One row of the numbers in the frame, and of what a newcomer has done already."""
    return User.objects.filter(pk=user.pk).values(
        requests=_number(people.requests_for(user)),
        inbox=_number(faces.inbox(user)),
        unseen=_number(notifications.unseen(user), of="batch"),
        enrolled=Exists(user.captures.all()),
        friends=Exists(people.friends_of(user)),
        asked=Exists(people.requests_by(user)),
        posted=Exists(user.posts.listed()),
    )


def _number(rows: QuerySet, of: str = "pk") -> Coalesce:
    """How many different ``of`` there are, as a column."""
    alone = rows.select_related(None).order_by().annotate(_all=Value(1)).values("_all")
    counted = alone.annotate(_n=Count(of, distinct=True)).values("_n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def _next_step(waiting: dict[str, int | bool], here: str) -> tuple[str, Promise] | None:
    """Where a newcomer who has just done one step may go on: address name and words. On the feed a card says it."""
    if here == "feed":
        return None
    done = {**waiting, "friends": waiting["friends"] or waiting["asked"]}
    open_steps = ((name, words) for step, name, words in NEXT_STEPS if not done[step] and name != here)
    return next(open_steps, None)


def _first_steps(waiting: dict[str, int | bool]) -> dict[str, bool] | None:
    """What a newcomer has done already; None once all is done."""
    steps = {name: bool(waiting[name]) for name in ("enrolled", "friends", "posted")}
    return None if all(steps.values()) else steps
