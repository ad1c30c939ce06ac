"""Pages and buttons for faces the site did not know by itself, for several answers at once, and for one's history."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from faceaccess import claims, hiding, marks, services
from faceaccess.forms import MarkForm
from faceaccess.models import Authorization, FaceRegion
from photos.models import Photo
from socialnet.answers import action, back, done
from socialnet.limits import limited
from socialnet.numbers import numbers

HISTORY_A_PAGE = 50


def visible_region(request: HttpRequest, pk: int) -> FaceRegion:
    """A face in a photo the person may see; everything else about it is the service's to check."""
    visible = FaceRegion.objects.filter(photo__in=Photo.objects.visible_to(request.user))
    return get_object_or_404(visible.select_related("photo__post"), pk=pk)


# --- a missed face ---


@limited("mark")
@action("feed")
def mark(request: HttpRequest, pk) -> HttpResponse:
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=pk)
    form = MarkForm(request.POST)
    if not form.is_valid():
        raise ValidationError(_("Mark a face: click two corners around it, or fill in the four numbers."))
    marks.mark_create(photo=photo, by=request.user, box=form.box())
    done(request, _("Marked. The face is hidden from everybody, from now on."))
    return back(request, "photo", pk)


@action("feed")
def unmark(request: HttpRequest, pk: int) -> HttpResponse:
    region = visible_region(request, pk)
    marks.mark_remove(region=region, by=request.user, reason=request.POST.get("reason", ""))
    done(request, _("The mark is taken out. That part of the photo is shown again."))
    return back(request, "photo", region.photo_id)


# --- that's me ---


@limited("naming")
@action("feed")
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    region = visible_region(request, pk)
    claims.claim_create(region=region, by=request.user)
    # The same words whatever is known about this face.
    text = _(
        "Noted. It is compared with your pictures; if it is not clear, who posted it is asked. A face that cannot be "
        "compared stays hidden."
    )
    done(request, text)
    return back(request, "photo", region.photo_id)


@action("face-inbox")
def claim_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """yes | no, by the uploader."""
    claim = get_object_or_404(claims.waiting_for(request.user), pk=pk)
    given = request.POST.get("answer")
    if given not in ("yes", "no"):
        raise ValidationError(_("Choose yes or no."))
    claims.claim_answer(claim=claim, by=request.user, accept=given == "yes")
    if given == "yes":
        text = _(
            "Noted. If that face can be compared, may be theirs and is nobody else's, %(name)s decides who sees it "
            "from now on."
        )
    else:
        text = _("Noted. The face stays as it is, and %(name)s is not told.")
    done(request, text % {"name": claim.claimant.name})
    return back(request, "face-inbox")


# --- several answers at once ---


@action("face-inbox")
def inbox_answer(request: HttpRequest) -> HttpResponse:
    """approved | denied | later for every selected photo."""
    given = request.POST.get("answer", "")
    if given not in (*Authorization.Answer.values, services.LATER):
        raise ValidationError(_("Choose to show your face, to keep it hidden, or to answer later."))
    regions = hiding.faces_to_answer(request.user, numbers(request.POST.getlist("face")), given)
    if not regions:
        raise ValidationError(_("Select the photos first."))
    n = services.authorizations_answer(regions=regions, by=request.user, answer=given)
    texts = {
        Authorization.Answer.APPROVED: ngettext(
            "Your face is shown in %(n)d photo, from now on.",
            "Your face is shown in %(n)d photos, from now on.",
            n,
        ),
        Authorization.Answer.DENIED: ngettext(
            "Your face stays hidden in %(n)d photo.", "Your face stays hidden in %(n)d photos.", n
        ),
        services.LATER: ngettext(
            "%(n)d photo waits below. Until you answer, your face is hidden there.",
            "%(n)d photos wait below. Until you answer, your face is hidden there.",
            n,
        ),
    }
    done(request, texts[given] % {"n": n})
    return back(request, "face-inbox")


@action("face-inbox")
def later(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one answer off, or (when=now) take the question up again."""
    region = visible_region(request, pk)
    if request.POST.get("when") == "now":
        services.authorization_recall(region=region, by=request.user)
        done(request, _("It waits for your answer again."))
    else:
        services.authorization_put_off(region=region, by=request.user)
        text = _("It waits below. Until you answer, your face is hidden there.")
        done(request, text, undo=reverse("face-later", args=[pk]), when="now")
    return back(request, "face-inbox")


# --- history ---


@login_required
@require_GET
def history(request: HttpRequest) -> HttpResponse:
    """Every decision one took about one's face, newest first. Links only to photos one may still see."""
    lines = request.user.decisions.all()
    page = Paginator(lines, HISTORY_A_PAGE).get_page(request.GET.get("page"))
    ids = {line.photo_id for line in page if line.photo_id}
    visible = set(Photo.objects.visible_to(request.user).filter(pk__in=ids).values_list("pk", flat=True))
    for line in page:
        line.linked = line.photo_id in visible
    return render(request, "faceaccess/history.html", {"page": page})
