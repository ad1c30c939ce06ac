"""The image gate: the only way any pixel of a photo leaves the site.

Every request is decided anew, before anything is said about the picture, even whether it exists. All that bears on one
decision is read in one snapshot; the picture is looked for, or made, after it.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.moderation import open_reports
from accounts.selectors import person_for
from faceaccess import renditions, seeing, selectors
from faceaccess.delivery import deliver
from faceaccess.models import FaceRegion
from faceaccess.selectors import Viewer, VisibleSet
from faceaccess.snapshot import snapshot
from photos.models import Photo

PREVIEW = "feed"  # the size of previews
RETRY_AFTER = 3  # s; about what an ordinary photo takes


@require_safe
def photo_image(request: HttpRequest, photo_id: UUID, size: str) -> HttpResponse:
    """GET /photos/<id>/image/<size>. 404 for what does not exist and for what this viewer may not see, alike."""
    viewer = viewer_of(request)
    with snapshot():
        photo = selectors.photo_for(viewer, photo_id)
        if photo is None or size not in renditions.SIZES:
            raise Http404
        seen = selectors.visible_set(photo, viewer)
    return _answer(
        request,
        lambda: renditions.rendition(photo, seen, size),
        lambda: _placeholder(request, photo, *renditions.dimensions(photo, size)),
    )


@require_safe
def face_crop(request: HttpRequest, region_id: int) -> HttpResponse:
    """GET /faces/<id>/crop: one's own face, in a photo one may see. 404 for everything else."""
    region, seen = _own_face(request, region_id)
    return _answer(
        request,
        lambda: renditions.face_crop(region, seen),
        lambda: _placeholder(request, region.photo, renditions.CROP_SIDE, renditions.CROP_SIDE),
    )


@require_safe
def face_preview(request: HttpRequest, region_id: int) -> HttpResponse:
    """GET /faces/<id>/preview: the photo with a stand-in for one's own face, as others see it until one agrees."""
    region, seen = _own_face(request, region_id)
    return _answer(
        request,
        lambda: renditions.with_stand_in(region, seen, PREVIEW),
        lambda: _placeholder(request, region.photo, *renditions.dimensions(region.photo, PREVIEW)),
    )


@require_safe
def face_stand_in(request: HttpRequest, region_id: int) -> HttpResponse:
    """GET /faces/<id>/stand-in: the stand-in for one's own face, cut out as the crop is. 404 for everything else."""
    region, seen = _own_face(request, region_id)
    return _answer(
        request,
        lambda: renditions.stand_in_crop(region, seen),
        lambda: _placeholder(request, region.photo, renditions.CROP_SIDE, renditions.CROP_SIDE),
    )


@require_safe
def photo_image_as(request: HttpRequest, photo_id: UUID, who: str, size: str) -> HttpResponse:
    """GET /photos/<id>/as/<who>/image/<size>: one's own face as another gets it, all others as one sees them.

    ``who`` is a friend's handle, or one of the two hypothetical onlookers. 404 for everything else: a photo one may
    not see or is not in, a person who is no friend, a photo of one's own that this person may not see.
    """
    viewer = viewer_of(request)
    with snapshot():
        photo = selectors.photo_for(viewer, photo_id)
        region = seeing.own_region(photo, viewer) if photo is not None else None
        if photo is None or region is None or size not in renditions.SIZES:
            raise Http404
        onlooker = seeing.onlooker_for(viewer, who)
        if seeing.may_see(photo, viewer, onlooker) is False:
            raise Http404
        seen = seeing.seen_as(region, viewer, onlooker)
    return _answer(
        request,
        lambda: renditions.as_onlooker(region, seen, size),
        lambda: _placeholder(request, photo, *renditions.dimensions(photo, size)),
    )


@require_safe
def avatar(request: HttpRequest, handle: str) -> HttpResponse:
    """GET /people/<handle>/avatar: their profile picture as this viewer may see it.

    404 alike for nobody, a block and a visitor without account; where there is no picture for this viewer, or not
    yet, the outline of anybody.
    """
    viewer = viewer_of(request)
    with snapshot():
        person = person_for(viewer, handle)
        photo = Photo.objects.visible_to(viewer).filter(pk=person.avatar, post__author=person).first()
        seen = selectors.visible_set(photo, viewer) if photo is not None else None
    if photo is None or seen is None:
        return _outline(404)
    return _answer(
        request,
        lambda: renditions.avatar(photo, seen),
        lambda: _outline(503),
    )


@require_safe
def report_image(request: HttpRequest, pk: int) -> HttpResponse:
    """GET /moderation/reports/<id>/image: a reported photo for staff, with a stand-in in every place."""
    viewer = viewer_of(request)
    if not (viewer.is_authenticated and viewer.is_active and viewer.is_staff):
        raise Http404
    report = get_object_or_404(open_reports(viewer).filter(kind="photo"), pk=pk)
    photo = get_object_or_404(Photo, pk=report.target)
    return _answer(
        request,
        lambda: renditions.for_moderators(photo, PREVIEW),
        lambda: _placeholder(request, photo, *renditions.dimensions(photo, PREVIEW)),
    )


def _outline(status: int) -> HttpResponse:
    response = HttpResponse(render_to_string("faceaccess/outline.svg"), "image/svg+xml", status=status)
    response["Cache-Control"] = "no-store"
    _protect(response)
    return response


def _own_face(request: HttpRequest, region_id: int) -> tuple[FaceRegion, VisibleSet]:
    """One's own face, in a photo one may see, and what one sees of it. Raises Http404 for everything else."""
    viewer = viewer_of(request)
    if not viewer.is_authenticated:
        raise Http404
    own = FaceRegion.objects.filter(owner=viewer, match=FaceRegion.Match.MATCHED)
    with snapshot():
        region = get_object_or_404(own, pk=region_id)
        photo = selectors.photo_for(viewer, region.photo_id)
        if photo is None:
            raise Http404
        seen = selectors.visible_set(photo, viewer)
    region.photo = photo
    return region, seen


def viewer_of(request: HttpRequest) -> Viewer:
    """The person of the session, or else of the API token, that the request came with."""
    if request.user.is_authenticated or "Authorization" not in request.headers:
        return request.user
    try:
        found = TokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        found = None
    return found[0] if found else request.user


def _answer(
    request: HttpRequest, make: Callable[[], renditions.Rendition], instead: Callable[[], HttpResponse]
) -> HttpResponse:
    """The picture that ``make`` gives, or ``instead`` where none can be shown safely: never the original."""
    try:
        response = deliver(request, make())
    except (renditions.UnavailableError, OSError):
        return instead()
    _protect(response)
    return response


def _placeholder(request: HttpRequest, photo: Photo, width: int, height: int) -> HttpResponse:
    """A neutral card in the photo's proportions. 503, so that no client takes it for the picture."""
    failed = photo.state == Photo.State.FAILED
    text = _("This photo could not be protected.") if failed else _("This photo is still being protected.")
    card = render_to_string("faceaccess/placeholder.svg", {"width": width, "height": height, "text": text})
    response = HttpResponse(card, content_type="image/svg+xml", status=503)
    response["Content-Length"] = len(response.content)
    if request.method == "HEAD":
        length = response["Content-Length"]
        response.content = b""
        response["Content-Length"] = length
    if not failed:
        response["Retry-After"] = str(RETRY_AFTER)
    response["Cache-Control"] = "no-store"
    _protect(response)
    return response


def _protect(response: HttpResponse) -> None:
    patch_vary_headers(response, ("Cookie", "Authorization"))
    response["X-Content-Type-Options"] = "nosniff"
    suffix = "svg" if "svg" in response.get("Content-Type", "") else "jpg"
    response["Content-Disposition"] = content_disposition_header(False, f"photo.{suffix}")
    response["Cross-Origin-Resource-Policy"] = "same-origin"  # no other site may embed it
