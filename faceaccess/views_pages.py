"""Pages about one's own face: how it is decided who sees it, the inbox, the rules, and every action on a face."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import consent
from accounts.selectors import people_visible_to
from faceaccess import claims, hiding, questions, reminders, renditions, selectors, services
from faceaccess.models import AccessModel, Authorization, Effect, FaceRegion, PhotoOverride, Rule
from faceaccess.outlook import outlook
from faceaccess.views_rules import model_cards, own_rule, rule_form, rules_page
from faceaccess.wording import MODELS, rule_text
from photos.models import Photo
from socialnet.answers import action, back, done, signed_in
from socialnet.limits import limited

ANSWERED_AT_MOST = 60


@login_required
def face(request: HttpRequest) -> HttpResponse:
    captures = list(request.user.captures.all())
    chosen = selectors.effective_model(request.user)
    page = {
        "cards": model_cards(request.user, chosen),
        "chosen": chosen,
        "pinned": bool(settings.FACE_PINNED_MODEL),
        "captures": captures,
        "consents": consent.agreed(captures),
        "held": any(capture.is_held for capture in captures),
        "unreadable": [capture for capture in captures if capture.is_unreadable],
        "unrecognised": all(capture.is_unreadable or capture.is_held for capture in captures),
        "regions": selectors.regions_of(request.user).count() if captures else 0,
        "rules": Rule.objects.filter(owner=request.user, enabled=True).count(),
    }
    return render(request, "faceaccess/face.html", page)


@action("face")
def model_choose(request: HttpRequest) -> HttpResponse:
    before = selectors.effective_model(request.user)
    services.model_choose(owner=request.user, model=request.POST.get("model", ""))
    now = selectors.effective_model(request.user)
    text = _("From now on it is decided %(model)s.") % {"model": now.label.lower()}
    done(request, text, undo=reverse("face-model"), model=before.value)
    return back(request, "face")


# --- photos of you ---


@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """Under "by your approval": what waits for an answer, and what was answered. Else: where one's face is."""
    model = selectors.effective_model(request.user)
    waiting = list(selectors.inbox(request.user))
    put_off = list(selectors.inbox_later(request.user))
    ids = {region.pk for region in (*waiting, *put_off)}
    others = selectors.regions_of(request.user).exclude(pk__in=ids)[:ANSWERED_AT_MOST]
    answered = list(others)
    # Large pictures, on a page that comes again after every answer: a browser is not to fetch them anew each time.
    photos = [region.photo for region in (*waiting, *put_off, *answered)]
    seen = selectors.visible_sets(photos, request.user)
    for photo in photos:
        photo.look = renditions.look(photo, seen[photo.pk])
    for region in answered:
        region.outlook = outlook(region)
    page = {
        "waiting": waiting,
        "put_off": put_off,
        "claims": claims.waiting_for(request.user),
        "questions": questions.waiting_for(request.user),
        "reminders": reminders.are_on(request.user),
        "answered": answered,
        "by_approval": model == AccessModel.AUTHORIZATION,
        "model": next(words for words in MODELS if words.key == model),
        "enrolled": request.user.captures.exists(),
    }
    return render(request, "faceaccess/inbox.html", page)


# --- rules ---


@signed_in()
def rules(request: HttpRequest) -> HttpResponse:
    """The list; POST adds a rule at its end (the page asks first: views_rules.rules_preview)."""
    form = rule_form(request)
    if request.method == "POST" and form.is_valid():
        try:
            rule = services.rule_create(owner=request.user, **form.parts())
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            text = _("Added at the end of your list: %(rule)s.") % {"rule": rule_text(rule)}
            done(request, text, undo=reverse("rule-delete", args=[rule.pk]))
            return redirect("face-rules")
    return rules_page(request, form)


@action("face-rules")
def rule_move(request: HttpRequest, pk: int) -> HttpResponse:
    rule = own_rule(request, pk)
    up = request.POST.get("direction") == "up"
    services.rule_move(rule=rule, by=request.user, up=up)
    done(request, _("Moved: %(rule)s.") % {"rule": rule_text(rule)})
    return back(request, "face-rules")


@action("face-rules")
def rule_toggle(request: HttpRequest, pk: int) -> HttpResponse:
    rule = own_rule(request, pk)
    services.rule_update(rule=rule, by=request.user, enabled=not rule.enabled)
    text = _("Switched off: %(rule)s.") if rule.enabled else _("Switched on: %(rule)s.")
    done(request, text % {"rule": rule_text(rule)}, undo=reverse("rule-toggle", args=[pk]))
    return back(request, "face-rules")


@action("face-rules")
def rule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    rule = own_rule(request, pk)
    services.rule_delete(rule=rule, by=request.user)
    done(request, _("Deleted: %(rule)s.") % {"rule": rule_text(rule)})
    return back(request, "face-rules")


# --- one face ---


def _region(request: HttpRequest, pk: int) -> FaceRegion:
    """A face in a photo the person may see; everything else about it is the service's to check."""
    return get_object_or_404(_in_sight(request), pk=pk)


def _region_to_hide(request: HttpRequest, pk: int, *, said_show: bool = False) -> FaceRegion:
    """The same for a word that only hides: besides, one's own face in a photo out of one's sight."""
    region = _in_sight(request).filter(pk=pk).first()
    return region or get_object_or_404(hiding.listed(request.user, said_show=said_show), pk=pk)


def _in_sight(request: HttpRequest) -> QuerySet[FaceRegion]:
    visible = FaceRegion.objects.filter(photo__in=Photo.objects.visible_to(request.user))
    return visible.select_related("photo")


def _said(request: HttpRequest, region: FaceRegion, text: str, **undo: str) -> HttpResponse:
    """Say what was done and go back; out of the person's sight to their log, and there is no way to undo it."""
    if _in_sight(request).filter(pk=region.pk).exists():
        done(request, text, **undo)
        return back(request, "photo", region.photo_id)
    done(request, text)
    return back(request, "who-could-see")


@limited("naming")
@action("feed")
def tag(request: HttpRequest, pk: int) -> HttpResponse:
    region = _region(request, pk)
    owner = people_visible_to(request.user).filter(username=request.POST.get("person", "")).first()
    if owner is None:
        raise ValidationError(_("Choose who it is."))
    services.tag_create(region=region, tagger=request.user, owner=owner)
    if owner == request.user:
        text = _("You are tagged. Your face is shown to everyone who may see this photo, if it is yours.")
    else:
        text = _("%(name)s is tagged. Their face is shown only if it is theirs, and they allow tags.")
    done(request, text % {"name": owner.name}, undo=reverse("face-untag", args=[pk]))
    return back(request, "photo", region.photo_id)


@action("feed")
def untag(request: HttpRequest, pk: int) -> HttpResponse:
    region = _region_to_hide(request, pk)
    services.tag_withdraw(region=region, by=request.user)
    if region.owner_id != request.user.pk:
        return _said(request, region, _("Your tag is taken back."))
    text = _("Your face is hidden in this photo now. Nobody but you can tag it again.")
    return _said(request, region, text, undo=reverse("face-tag", args=[pk]), person=request.user.username)


@action("feed")
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """approved | denied | clear (back to silence)."""
    given = request.POST.get("answer")
    hides = given in (Authorization.Answer.DENIED, "clear")
    region = _region_to_hide(request, pk) if hides else _region(request, pk)
    before = Authorization.objects.filter(region=region, owner=request.user).first()
    undo = {"undo": reverse("face-answer", args=[pk]), "answer": before.answer if before else "clear"}
    match given:
        case Authorization.Answer.APPROVED:
            services.authorization_answer(region=region, by=request.user, answer=given)
            text = _("Your face is shown to everyone who may see this photo, from now on.")
        case Authorization.Answer.DENIED:
            services.authorization_answer(region=region, by=request.user, answer=given)
            text = _("Your face stays hidden in this photo.")
        case "clear":
            services.authorization_clear(region=region, by=request.user)
            text, undo = _("Your answer is taken back. Until you answer, your face is hidden."), {}
        case _other:
            raise ValidationError(_("Choose to show your face or to keep it hidden."))
    return _said(request, region, text, **undo)


@action("feed")
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """show | hide | clear (back to the rules)."""
    effect = request.POST.get("effect")
    if effect in (Effect.HIDE, "clear"):
        region = _region_to_hide(request, pk, said_show=effect == "clear")
    else:
        region = _region(request, pk)
    before = PhotoOverride.objects.filter(region=region, owner=request.user).first()
    undo = {"undo": reverse("face-override", args=[pk]), "effect": before.effect if before else "clear"}
    match effect:
        case Effect.SHOW:
            services.override_set(region=region, by=request.user, effect=effect)
            text = _("Your face is shown in this photo, whatever your rules say.")
        case Effect.HIDE:
            services.override_set(region=region, by=request.user, effect=effect)
            text = _("Your face is hidden in this photo, whatever your rules say.")
        case "clear":
            services.override_clear(region=region, by=request.user)
            text = _("Your rules decide about this photo again.")
        case _other:
            raise ValidationError(_("Choose to show or to hide your face."))
    return _said(request, region, text, **undo)


@action("feed")
def not_me(request: HttpRequest, pk: int) -> HttpResponse:
    region = _region_to_hide(request, pk)
    services.match_reject(region=region, by=request.user)
    text = _("Noted: that is not you. The face is hidden, and never taken for yours again.")
    return _said(request, region, text)


@action("feed")
def photo_retry(request: HttpRequest, pk) -> HttpResponse:
    photo = Photo.objects.visible_to(request.user).filter(pk=pk).first()
    if photo is None:
        raise Http404
    services.photo_retry(photo=photo, by=request.user)
    done(request, _("The photo is tried once more."))
    return back(request, "photo", pk)
