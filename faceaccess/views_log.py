"""Pages about reminders, about questions to the owner of a face, and the log of who could see it where."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from faceaccess import effects, exposures, hiding, questions, reminders, selectors, services
from faceaccess.models import Authorization, Exposure, FaceRegion
from faceaccess.views_marks import inbox_answer, visible_region
from faceaccess.views_rules import own_rule
from faceaccess.wording import effect_sentence, rule_text
from photos.models import Photo
from socialnet.answers import action, back, done, signed_in
from socialnet.numbers import number, numbers

PHOTOS_A_PAGE = 20
SPANS_A_PHOTO = 60  # newest first; all spans of nearly every photo


# --- who could see it ---


@login_required
@require_GET
def who_could_see(request: HttpRequest) -> HttpResponse:
    """Photo by photo, the last changed first: to whom one's face was disclosed, why, from when to when."""
    exposures.keep(request.user.pk)  # also what nobody noticed yet, like another default of the site
    own = Exposure.objects.filter(owner=request.user)
    chosen = request.GET.get("photo", "")
    photos = list(dict.fromkeys(own.values_list("photo", flat=True)))
    if chosen:
        photos = [pk for pk in photos if str(pk) == chosen]
    page = Paginator(photos, PHOTOS_A_PAGE).get_page(request.GET.get("page"))
    page.rows = _rows(request.user, list(page))
    return render(request, "faceaccess/who_could_see.html", {"page": page, "one": bool(chosen)})


def _rows(owner: User, photos: list[object]) -> list[dict[str, object]]:
    """One for each key of a photo, None standing for all that were deleted.

    ``photo`` None: it was deleted, or is not there for the person any more; its lines stay, its words do not.
    """
    own = Exposure.objects.filter(owner=owner)
    keys = [pk for pk in photos if pk]
    visible = Photo.objects.visible_to(owner).select_related("post__author")
    known = {photo.pk: photo for photo in visible.filter(pk__in=keys)}
    regions = dict(FaceRegion.objects.filter(owner=owner, photo__in=known).values_list("photo", "pk"))
    shown = set(own.filter(photo__in=keys, until=None).values_list("photo", flat=True))
    rows: list[dict[str, object]] = [
        {
            "photo": known.get(pk),
            "region": regions.get(pk),
            "shown": pk in shown,  # to somebody, now
            "spans": list(_spans(own, pk)),
        }
        for pk in photos
    ]
    told = exposures.lines(owner, [span for row in rows for span in row["spans"]])
    for row in rows:
        row["lines"] = [told[span.pk] for span in row["spans"]]
    return rows


def _spans(own: QuerySet[Exposure], photo: object) -> QuerySet[Exposure]:
    spans = own.filter(photo=photo) if photo else own.filter(photo=None)
    return spans.select_related("circle")[:SPANS_A_PHOTO]


@action("who-could-see")
def hide_there(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide one's face in the photo of one line. The same answer whatever became of that photo."""
    span = get_object_or_404(Exposure, owner=request.user, pk=pk)
    hiding.hide_where_listed(span=span, by=request.user)
    if request.htmx:
        (row,) = _rows(request.user, [span.photo_id])
        return render(request, "faceaccess/parts/exposure.html", {"row": row})
    done(request, _("Your face is hidden there, from now on."))
    return back(request, "who-could-see")


# --- reminders ---


@action("face-inbox")
def reminders_switch(request: HttpRequest) -> HttpResponse:
    on = request.POST.get("on") == "yes"
    reminders.switch(owner=request.user, on=on)
    text = (
        _("You are reminded of photos that wait, once in a while.") if on else reminders.done_words(off=True)
    )
    done(request, text, undo=reverse("reminders"), on="no" if on else "yes")
    return back(request, "face-inbox")


@action("face-inbox")
def all_later(request: HttpRequest) -> HttpResponse:
    done(request, reminders.done_words(off=False, number=reminders.put_all_off(owner=request.user)))
    return back(request, "face-inbox")


@require_http_methods(["GET", "POST"])
@never_cache
def reminder(request: HttpRequest, token: str) -> HttpResponse:
    """What a reminder's link opens, also without signing in: later, or no more of them. Looking changes nothing."""
    owner = reminders.owner_of(token)
    if owner is None:
        raise Http404
    told = ""
    if request.method == "POST":
        if request.POST.get("do") == "later":
            told = reminders.done_words(off=False, number=reminders.put_all_off(owner=owner))
        else:
            reminders.switch(owner=owner, on=False)
            told = reminders.done_words(off=True)
    return render(request, "faceaccess/reminder.html", {"told": told})


# --- is this you? ---


@action("face-inbox")
def is_me(request: HttpRequest, pk: int) -> HttpResponse:
    region = visible_region(request, pk)
    questions.answer_is_me(region=region, by=request.user)
    done(request, _("Noted: that is you. Nothing else changes."))
    return back(request, "face-inbox")


# --- several answers, before they are given ---


@signed_in("face-inbox")
@require_POST
@never_cache
def inbox_preview(request: HttpRequest) -> HttpResponse:
    """What one answer for all selected photos would change, and the button that gives it. Saves nothing."""
    given = request.POST.get("answer", "")
    if given == services.LATER:  # changes nothing for anybody: nothing to ask
        return inbox_answer(request)
    if given not in Authorization.Answer.values:
        raise Http404
    faces = numbers(request.POST.getlist("face"))
    regions = list(selectors.regions_of(request.user).filter(pk__in=faces))
    if not regions:
        return redirect("face-inbox")
    word = "show" if given == Authorization.Answer.APPROVED else "hide"
    pks = [region.pk for region in regions]
    page = {
        "given": given,
        "regions": regions,
        "question": _question(word, len(pks)),
        "effect": effect_sentence(effects.statement_effect(request.user, pks, word)),
    }
    return render(request, "faceaccess/inbox_preview.html", page)


def _question(word: str, number: int) -> str:
    if word == "show":
        text = ngettext("Show your face in %(n)d photo?", "Show your face in %(n)d photos?", number)
    else:
        text = ngettext("Keep it hidden in %(n)d photo?", "Keep it hidden in %(n)d photos?", number)
    return text % {"n": number}


# --- a rule dragged to another place ---


@action("face-rules")
def rule_place(request: HttpRequest, pk: int) -> HttpResponse:
    rule = own_rule(request, pk)
    place = number(request.POST.get("place", ""))
    if place is None:
        raise ValidationError(_("Choose a place in the list."))
    before = [row.pk for row in request.user.rules.all()].index(rule.pk)
    services.rule_place(rule=rule, by=request.user, place=place - 1)
    undo = {"undo": reverse("rule-place", args=[pk]), "place": str(before + 1)}
    done(request, _("Moved: %(rule)s.") % {"rule": rule_text(rule)}, **undo)
    return back(request, "face-rules")


def statement_words(owner, region: FaceRegion) -> dict[str, str]:
    """Under the buttons of one's own face: what each of them would change."""
    here = effects.scene(owner, only=[region.pk])

    def told(word: str) -> str:
        facts = effects.said_facts(owner, here.model, word)
        return effect_sentence(here.effect(said={region.pk: facts}))

    return {"show": told("show"), "hide": told("hide")}
