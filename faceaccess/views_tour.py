"""The tour: what happens to a photo, and the three access models, with the visitor's own photo if there is one."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from faceaccess.models import AccessModel, FaceRegion
from faceaccess.wording import MODELS
from photos.models import Photo

COOKIE = "toured"  # of a visitor without account; a member's is kept with the account
COOKIE_AGE = 365 * 86_400  # s
EXAMPLE = {"width": 960, "height": 664}  # px of the pictures in assets/tour


@dataclass(frozen=True, slots=True)
class Step:
    key: str
    title: Promise
    words: tuple[Promise, ...]
    hidden: Promise  # under the picture with a stand-in
    shown: Promise | None = (
        None  # under the picture with the visitor's own face; None: there is only the other
    )


STEPS = (
    Step(
        "photo",
        _lazy("Nobody is in a photo by accident"),
        (
            _lazy("Somebody posts a photo of you. Every face gets a stand-in: same pose, same smile, nobody real."),
            _lazy("Until people say otherwise, this is the photo. Not even whoever posted it sees more of you."),
        ),
        _lazy("What everybody gets at first"),
    ),
    Step(
        AccessModel.PROXY,
        _lazy("By proxy: a friend may speak for you"),
        (
            _lazy("A friend tags you, and everyone who may see the photo sees your face."),
            _lazy("You can take any tag back, and the stand-in returns with the next look at the photo."),
        ),
        _lazy("Before the tag"),
        _lazy("After it: everyone who may see the photo"),
    ),
    Step(
        AccessModel.AUTHORIZATION,
        _lazy("By your approval: photo by photo"),
        (
            _lazy("A tag is not enough. The photo waits in “Photos of you” until you have looked at it."),
            _lazy("Say “show”, and everyone who may see the photo sees you. Say nothing, and you stay hidden."),
        ),
        _lazy("Until you answer"),
        _lazy("After your yes"),
    ),
    Step(
        AccessModel.RULES,
        _lazy("By your rules: viewer by viewer"),
        (
            _lazy("You write rules once: show to family, hide from everyone at work. The first that fits decides."),
            _lazy("Two people look at one photo and see two pictures. Neither is told that there is another."),
        ),
        _lazy("For everybody your rules leave out"),
        _lazy("For whom your rules let in"),
    ),
    Step(
        "choose",
        _lazy("You choose, and can change it any day"),
        (
            _lazy("Until you do, no photo shows your face without your yes. A change counts from the next look on."),
        ),
        _lazy("What everybody gets at first"),
    ),
)  # fmt: skip


@require_safe
@never_cache
def tour(request: HttpRequest, step: int = 1) -> HttpResponse:
    """GET /tour/ and /tour/<step>/, steps from 1. 404 beyond the last."""
    if not 1 <= step <= len(STEPS):
        raise Http404
    page = {
        "step": STEPS[step - 1],
        "number": step,
        "steps": STEPS,
        "previous": step - 1,
        "next": step + 1 if step < len(STEPS) else None,
        "models": MODELS,
        "own": own_photo(request.user),
        "example": EXAMPLE,
    }
    return render(request, "faceaccess/tour.html", page)


@require_POST
def tour_done(request: HttpRequest) -> HttpResponse:
    """Finished, or left out: it is not offered again. On to the feed, or to what the last step's button says."""
    goals = {"face": "face", "enrol": "face-enrol", "signup": "account_signup", "try": "try"}
    answer = HttpResponseRedirect(resolve_url(goals.get(request.POST.get("then", ""), "feed")))
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk, toured_at=None).update(toured_at=timezone.now())
    else:
        answer.set_cookie(COOKIE, "1", COOKIE_AGE, httponly=True, samesite="Lax", secure=request.is_secure())
    return answer


def was_taken(request: HttpRequest) -> bool:
    """By a visitor without account, in this browser. Members: ``User.toured_at``."""
    return COOKIE in request.COOKIES


def own_photo(viewer: User | AnonymousUser) -> FaceRegion | None:
    """One's own face in the first photo one may see of oneself, one's own posts before those of others."""
    if not viewer.is_authenticated:
        return None
    seen = Photo.objects.visible_to(viewer).ready()
    regions = FaceRegion.objects.filter(owner=viewer, match=FaceRegion.Match.MATCHED, photo__in=seen)
    regions = regions.select_related("photo__post")
    first = regions.filter(photo__post__author=viewer).order_by("photo__created_at", "pk").first()
    return first or regions.order_by("photo__created_at", "pk").first()
