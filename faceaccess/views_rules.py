"""The rules page with "try it", and what a change of model or of a rule would do, shown before it is confirmed."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.selectors import people_visible_to
from faceaccess import effects, seeing, selectors
from faceaccess.forms import RuleForm
from faceaccess.models import AccessModel, Rule
from faceaccess.policies import Model
from faceaccess.wording import MODELS, ModelWords, effect_sentence, reason_sentence
from socialnet.answers import signed_in
from socialnet.numbers import number

# change -> question, the button's words, address of the button, what it posts besides
QUESTIONS = {
    "up": (_lazy("Move this rule up?"), _lazy("Move it up"), "rule-move", {"direction": "up"}),
    "down": (_lazy("Move this rule down?"), _lazy("Move it down"), "rule-move", {"direction": "down"}),
    "toggle": (_lazy("Switch this rule off?"), _lazy("Switch it off"), "rule-toggle", {}),
    "place": (_lazy("Move this rule there?"), _lazy("Move it"), "rule-place", {}),
    "delete": (_lazy("Delete this rule?"), _lazy("Delete it"), "rule-delete", {}),
}
SWITCH_ON = (_lazy("Switch this rule on?"), _lazy("Switch it on"))


def own_rule(request: HttpRequest, pk: int) -> Rule:
    return get_object_or_404(selectors.own_rules(request.user), pk=pk)


def rule_form(request: HttpRequest) -> RuleForm:
    """``person`` is somebody a link to the rules named ("Add a rule about …")."""
    handle = request.POST.get("person") or request.GET.get("person") or ""
    person = people_visible_to(request.user).filter(username=handle).first()
    form = RuleForm(request.POST or None, owner=request.user, person=person)
    form.person = person
    return form


def rules_page(request: HttpRequest, form: RuleForm) -> HttpResponse:
    rules = list(selectors.own_rules(request.user))
    page = {
        "form": form,
        "person": form.person,
        "rules": rules,
        "in_force": selectors.effective_model(request.user) == AccessModel.RULES,
        "onlookers": seeing.onlookers(request.user),
        "photos_to_try": seeing.photos_to_try(request.user),
    }
    return render(request, "faceaccess/rules.html", page | _tried(request, rules))


def _tried(request: HttpRequest, rules: list[Rule]) -> dict[str, object]:
    """The outcome for the person (``as``) and the photo (``face``: one's own region) that were picked, if any."""
    who, face = request.GET.get("as", ""), request.GET.get("face", "")
    picked: dict[str, object] = {"try_who": who, "try_face": face}
    pk = number(face)
    if not who or pk is None:
        return picked
    region = get_object_or_404(selectors.regions_of(request.user), pk=pk)
    onlooker = seeing.onlooker_for(request.user, who)
    decision = seeing.try_rules(region, onlooker)
    if decision is None:
        return picked
    reason = reason_sentence(decision, rules)
    return picked | {"tried": region, "try_onlooker": onlooker, "decision": decision, "reason": reason}


# --- what a change would do ---


def model_cards(owner: User, chosen: AccessModel) -> list[tuple[ModelWords, str]]:
    """The cards of "Your face", each with what switching to it would change; nothing where it cannot be chosen."""
    if settings.FACE_PINNED_MODEL:
        return [(model, "") for model in MODELS]
    here = effects.scene(owner)
    return [
        (model, effect_sentence(here.effect(model=Model(model.key))) if model.key != chosen else "")
        for model in MODELS
    ]


@signed_in("face-rules")
@require_POST
@never_cache
def rules_preview(request: HttpRequest) -> HttpResponse:
    """A rule as the form has it, what adding it would change, and the button that adds it. Saves nothing."""
    form = rule_form(request)
    if not form.is_valid():
        return rules_page(request, form)
    rule = Rule(owner=request.user, **form.parts())
    fields = {name: form.cleaned_data[name] for name in ("effect", "subject", "uploader")}
    words = (_("Add this rule?"), _("Add the rule"))
    return _ask(request, "add", rule, words, reverse("face-rules"), fields)


@login_required
@require_GET
@never_cache
def rule_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """``?change=`` up, down, place (with ``&place=``, from 1), toggle or delete: what it would do, and the button."""
    rule, change = own_rule(request, pk), request.GET.get("change", "")
    if change not in QUESTIONS:
        raise Http404
    *words, address, fields = QUESTIONS[change]
    if change == "toggle" and not rule.enabled:
        words = SWITCH_ON
    at = None
    if change == "place":
        place = number(request.GET.get("place", ""))
        if place is None:
            raise Http404
        fields, at = {"place": str(place)}, place - 1
    return _ask(request, change, rule, words, reverse(address, args=[pk]), fields, at)


def _ask(
    request: HttpRequest,
    change: str,
    rule: Rule,
    words: Sequence[object],
    address: str,
    fields: dict[str, str],
    place: int | None = None,
) -> HttpResponse:
    question, button = words
    page = {
        "change": change,
        "rule": rule,
        "question": question,
        "button": button,
        "address": address,
        "fields": fields,
        "in_force": selectors.effective_model(request.user) == AccessModel.RULES,
        "effect": effect_sentence(effects.rule_effect(request.user, change, rule, place)),
    }
    return render(request, "faceaccess/rule_preview.html", page)
