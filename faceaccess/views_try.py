"""Try it without an account: drop a photo, see a stand-in for every face."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from faceaccess import trying
from socialnet import limits

RETRY_AFTER = 5  # s; about what a group photo takes


@csrf_exempt  # for as long as it takes to say where the upload goes: the check itself is in _try_it
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def try_it(request: HttpRequest) -> HttpResponse:
    """The page (GET); the photo with stand-ins (POST), as the answer itself: it has no address and is kept nowhere."""
    request.upload_handlers = [trying.InMemory(request)]
    return _try_it(request)


@csrf_protect
def _try_it(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "faceaccess/try.html", {"limit": trying.megabytes()})
    # Who is not signed in has no key to count by. The address itself is not written down, only what it hashes to.
    place = salted_hmac("faceaccess.trying", limits.client_address(request) or "").hexdigest()
    try:
        limits.count("try", place)
    except limits.TooOftenError as error:
        response = _refuse(request, error.messages[0], 429)
        response["Retry-After"] = str(error.wait)
        return response
    upload = request.FILES.get("photo")
    if upload is None:
        text = _("Choose a photo of at most %(n)d MB.") % {"n": trying.megabytes()}
        return _refuse(request, text, 422)
    try:
        picture, number = trying.everybody_replaced(upload)
    except trying.BusyError:
        response = _refuse(
            request, _("Somebody else is trying it this very moment. Try again in a few seconds."), 503
        )
        response["Retry-After"] = str(RETRY_AFTER)
        return response
    except ValidationError as error:
        return _refuse(request, " ".join(error.messages), 422)
    return _picture(picture, number)


def _picture(picture: bytes, number: int) -> HttpResponse:
    response = HttpResponse(picture, content_type="image/jpeg")
    response["Content-Disposition"] = 'inline; filename="stand-ins.jpg"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Stand-Ins"] = str(number)  # for the page's own words
    return response


def _refuse(request: HttpRequest, text: str, status: int) -> HttpResponse:
    """What is wrong, for the page's script or as the page anew."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": text}, status=status)
    page = {"limit": trying.megabytes(), "error": text}
    return render(request, "faceaccess/try.html", page, status=status)
