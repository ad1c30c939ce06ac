"""Pages that show photos: the feed, a post, a photo, a person. Each viewer gets their own version of every picture."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from accounts import selectors as people
from accounts.models import User
from accounts.views import relations_of
from community.pages import conversation
from community.selectors import counted, mentioned_in
from faceaccess import marks, renditions, seeing, selectors
from faceaccess.models import Claim, FaceRegion, Tag
from faceaccess.outlook import outlook
from faceaccess.policies import Reason
from faceaccess.views_log import statement_words
from faceaccess.views_tour import was_taken
from faceaccess.wording import MODELS, reason_sentence
from photos.models import Photo, Post
from photos.querysets import PostQuerySet
from photos.selectors import feed as feed_of
from photos.selectors import photos_visible_to, posts_of, posts_visible_to
from socialnet.answers import in_parts, wants_part

POSTS_A_PAGE = 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PATIENCE = timedelta(seconds=10)  # a photo that nobody took by then is said to be waiting
STEPS = (Photo.State.WAITING, Photo.State.FINDING, Photo.State.PROTECTING, Photo.State.READY)


def page_of(
    posts: PostQuerySet, viewer: User, before: str = "", by: str = "created_at"
) -> tuple[list[Post], str]:
    """One page of posts, the greatest ``by`` first, after the cursor ``before``; and the cursor to go on from, or "".

    The cursor is a place in time, not the name of a post: it stays good when that post is deleted. Which posts are on
    the page is settled inside the statement before anything about them is counted: a database that sorts counts first
    would count the likes of every post there is.
    """
    if at := _read_cursor(before):
        moment, pk = at
        posts = posts.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment}, pk__lt=pk))
    order = (f"-{by}", "-pk")
    window = posts.order_by(*order).values("pk")[: POSTS_A_PAGE + 1]
    page = list(counted(posts.filter(pk__in=window), viewer).order_by(*order))
    more = len(page) > POSTS_A_PAGE
    page = page[:POSTS_A_PAGE]
    return page, _cursor(getattr(page[-1], by), page[-1].pk) if more else ""


def _cursor(moment: datetime, pk: UUID) -> str:
    return f"{(moment - EPOCH) // timedelta(microseconds=1)}-{pk.hex}"


def _read_cursor(text: str) -> tuple[datetime, UUID] | None:
    """None for none, and for one that was tampered with: then the list starts at its beginning."""
    microseconds, _, pk = text.partition("-")
    try:
        return EPOCH + timedelta(microseconds=int(microseconds)), UUID(pk)
    except (ValueError, OverflowError):
        return None


def posts_page(request: HttpRequest, posts: PostQuerySet, by: str = "created_at") -> dict[str, object]:
    """What every page with a list of posts needs, as this viewer gets it."""
    before = request.GET.get("before", "")
    page, older = page_of(posts, request.user, before, by)
    prepare_posts(page, request.user)
    mentioned = mentioned_in(((post.author_id, post.caption) for post in page), request.user)
    return {"posts": page, "older": older, "is_first": not before, "mentioned": mentioned}


def answer_posts(request: HttpRequest, template: str, page: dict[str, object]) -> HttpResponse:
    """The whole page, or only its posts for a page that asks for older ones as it is scrolled."""
    return render(request, "photos/parts/posts.html" if wants_part(request) else template, page)


def prepare(photos: Iterable[Photo], viewer: User) -> None:
    """Adds to every photo what its figure says: ``stand_ins``, ``has_you``, and while it is in work its ``step``.

    And to a photo that is ready its ``look``, which the addresses of its pictures carry.
    """
    photos = list(photos)
    seen = selectors.visible_sets([photo for photo in photos if photo.is_ready], viewer)
    for photo in photos:
        visible = seen.get(photo.pk)
        decisions = visible.decisions.values() if visible else ()
        photo.look = renditions.look(photo, visible) if visible else ""
        photo.stand_ins = any(not decision.shown for decision in decisions)
        photo.has_you = any(decision.reason is Reason.OWN_FACE for decision in decisions)
        photo.step = STEPS.index(photo.state) if photo.state in STEPS else -1
        photo.is_late = photo.state == Photo.State.WAITING and timezone.now() - photo.created_at > PATIENCE


def prepare_posts(posts: list[Post], viewer: User) -> None:
    photos = []
    for post in posts:
        post.shown_photos = list(post.photos.all())
        for photo in post.shown_photos:
            photo.post = post  # as prefetched: not one query more
        photos += post.shown_photos
    prepare(photos, viewer)
    for post in posts:
        post.stand_ins = any(photo.stand_ins for photo in post.shown_photos)
        post.has_you = next((photo for photo in post.shown_photos if photo.has_you), None)


@in_parts
def feed(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render(request, "landing.html", {"models": MODELS, "toured": was_taken(request)})
    return answer_posts(request, "photos/feed.html", posts_page(request, feed_of(request.user)))


@login_required
def post(request: HttpRequest, pk: UUID) -> HttpResponse:
    post = get_object_or_404(counted(posts_visible_to(request.user), request.user), pk=pk)
    prepare_posts([post], request.user)
    return render(request, "photos/post.html", _conversation(request, post))


def _conversation(request: HttpRequest, post: Post) -> dict[str, object]:
    return conversation(post, request.user, everything=request.GET.get("comments") == "all")


@login_required
@in_parts
def person(request: HttpRequest, handle: str) -> HttpResponse:
    person = people.person_for(request.user, handle)
    person.relation = relations_of(request.user).get(person.pk, "")
    page = posts_page(request, posts_of(person, request.user))
    page |= {"person": person, "is_self": person == request.user}
    page["is_muted"] = people.muted_by(request.user).filter(pk=person.pk).exists()
    return answer_posts(request, "accounts/person.html", page)


@login_required
def photo(request: HttpRequest, pk: UUID) -> HttpResponse:
    post = get_object_or_404(counted(posts_visible_to(request.user), request.user), photos=pk)
    siblings = list(post.photos.all())
    at = next(index for index, sibling in enumerate(siblings) if sibling.pk == pk)
    photo = siblings[at]
    photo.post = post
    prepare(siblings, request.user)
    page = {
        "photo": photo,
        "siblings": siblings,
        "previous": siblings[at - 1] if at else None,
        "next": siblings[at + 1] if at + 1 < len(siblings) else None,
        "place": at + 1,
        "count": len(siblings),
        **_conversation(request, post),
    }
    if photo.is_ready:
        page |= _faces_to_act_on(photo, request.user)
        page |= _as_somebody(request, photo, page["own"])
    return render(request, "photos/photo.html", page)


def _faces_to_act_on(photo: Photo, viewer: User) -> dict[str, object]:
    """One's own face with the reasons, and all faces alike for tagging: never whose or what state the others are in."""
    own: FaceRegion | None = photo.regions.filter(owner=viewer).first() if photo.has_you else None
    faces = list(selectors.taggable_regions(photo, viewer).select_related("photo__post", "marked_by"))
    # Also what the person named took back meanwhile: that it left this list would tell.
    given = Tag.objects.filter(region__photo=photo, tagger=viewer).exclude(owner=viewer)
    return {
        "own": own,
        "outlook": outlook(own) if own else None,
        "would": statement_words(viewer, own) if own else None,
        "answer": own.authorizations.filter(owner=viewer).first() if own else None,
        "override": own.overrides.filter(owner=viewer).first() if own else None,
        "faces": faces,
        "people": selectors.taggable_people(viewer, faces[0]) if faces else [],
        "given": given.select_related("region").prefetch_related(people.seen_by(viewer, "owner")),
        "marks": [face for face in faces if marks.may_remove(face, viewer)],
        "may_claim": own is None and viewer.captures.in_force().exists(),
        "asked": Claim.objects.filter(region__photo=photo, claimant=viewer).exists(),
    }


def _as_somebody(request: HttpRequest, photo: Photo, own: FaceRegion | None) -> dict[str, object]:
    """The picker, and after a choice (``?as=``) whose eyes one looks through; a wrong choice is nobody (404)."""
    chosen = request.GET.get("as", "")
    if own is None:
        return {"as_nothing": bool(chosen)}
    found: dict[str, object] = {"onlookers": seeing.onlookers(request.user), "as_chosen": chosen}
    view = seeing.view_as(own, request.user, seeing.onlooker_for(request.user, chosen)) if chosen else None
    if view is not None:
        reason = reason_sentence(view.decision, selectors.own_rules(request.user))
        found |= {"as_view": view, "as_reason": reason}
    return found


@login_required
@require_GET
@in_parts
@cache_control(private=True, no_store=True)
def photo_status(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How far a photo is: the figure anew for a page that polls, JSON for everything else."""
    photo = photos_visible_to(request.user).filter(pk=pk).first()
    if photo is None:
        if not request.htmx:
            raise Http404
        # The same words for what was deleted, what is hidden and what never was; 286 ends the polling.
        return render(request, "photos/gone.html", {"pk": pk}, status=286)
    if not request.htmx:
        return JsonResponse({"state": photo.state, "ready": photo.is_ready})
    here = urlsplit(request.htmx.current_url_abs_path or "").path
    if photo.is_ready and here == reverse("photo", args=[pk]):
        # The photo's own page has much more to show now than its figure: what can be done about the faces.
        return HttpResponse(headers={"HX-Refresh": "true"})
    prepare([photo], request.user)
    return render(request, "photos/status.html", {"photo": photo, "post": photo.post})
