"""The access models, the reasons and the rules in the words an owner reads. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from faceaccess import models
from faceaccess.effects import PEOPLE_AT_MOST, PHOTOS_AT_MOST, Effect
from faceaccess.models import AccessModel, Rule
from faceaccess.policies import Decision, Reason


@dataclass(frozen=True, slots=True)
class ModelWords:
    """One access model as the cards of the landing page and of "Your face" tell it."""

    key: AccessModel
    sentence: Promise

    @property
    def label(self) -> str:
        return self.key.label

    @property
    def drawing(self) -> str:
        return f"drawings/{self.key.value}.svg"


# Loosest to strictest.
MODELS = (
    ModelWords(
        AccessModel.PROXY,
        _lazy("A friend's tag shows your face to everyone who sees the photo. You can take a tag back."),
    ),
    ModelWords(AccessModel.AUTHORIZATION, _lazy("Your face stays hidden until you approve that photo.")),
    ModelWords(AccessModel.RULES, _lazy("Each viewer sees your face only if one of your rules lets them.")),
)

REASONS: dict[Reason, Promise] = {
    Reason.OWN_FACE: _lazy("You always see your own face."),
    Reason.BLOCKED: _lazy("A block stands between you."),
    Reason.NOT_MATCHED: _lazy("This face is not recognised as yours."),
    Reason.NOT_READY: _lazy("The photo is still being protected."),
    Reason.TAGGED: _lazy("You are tagged here, by yourself or by a friend."),
    Reason.NOT_TAGGED: _lazy("Nobody has tagged you here."),
    Reason.TAG_WITHDRAWN: _lazy("You took the tag back."),
    Reason.TAGGER_MAY_NOT_SPEAK: _lazy("Whoever tagged you here is not your friend now."),
    Reason.APPROVED: _lazy("You approved this photo."),
    Reason.DENIED: _lazy("You keep your face hidden in this photo."),
    Reason.NOT_ANSWERED: _lazy("You have not answered for this photo yet."),
    Reason.OVERRIDE: _lazy("Your word on this photo comes before your rules."),
    Reason.RULE: _lazy("One of your rules decides."),
    Reason.NO_RULE: _lazy("None of your rules lets them."),
}


def reason_sentence(decision: Decision, rules: Iterable[Rule] = ()) -> str:
    """Why, to the owner. ``rules`` is the owner's whole list in order, so that the deciding one can be numbered."""
    if decision.reason is Reason.RULE:
        for number, rule in enumerate(rules, start=1):
            if rule.pk == decision.rule:
                return _("Your rule %(number)d: %(rule)s.") % {
                    "number": number,
                    "rule": _lower_first(rule_text(rule)),
                }
    return str(REASONS[decision.reason])


def effect_sentence(effect: Effect) -> str:
    """What a change would do: how many photos, one's own for how many people, and which way. See faceaccess.effects."""
    if not effect.photos:
        return _("Nothing changes: everybody sees your face where they see it now, and nowhere else.")
    sentence = " ".join(filter(None, (_own(effect), _others(effect))))
    if effect.capped:
        bound = _("Counted among your %(photos)d newest photos and %(people)d people here, so at least:")
        bound %= {"photos": PHOTOS_AT_MOST, "people": PEOPLE_AT_MOST}
        sentence = f"{bound} {sentence}"
    return f"{sentence} {_direction(effect)}"


def _own(effect: Effect) -> str:
    if not effect.own_photos:
        return ""
    photos = ngettext("%(n)d photo would change", "%(n)d photos would change", effect.own_photos)
    if effect.others_photos:
        photos = ngettext(
            "%(n)d photo by you would change", "%(n)d photos by you would change", effect.own_photos
        )
    told = len(effect.people)
    people = ngettext("%(n)d person", "%(n)d people", told)
    return _("%(photos)s for %(people)s.") % {
        "photos": photos % {"n": effect.own_photos},
        "people": people % {"n": told},
    }


def _others(effect: Effect) -> str:
    """Without a number of people: who may see others' photos is theirs to tell."""
    if not effect.others_photos:
        return ""
    text = ngettext(
        "%(n)d photo by somebody else would change, for those it concerns who may see it.",
        "%(n)d photos by others would change, for those it concerns who may see them.",
        effect.others_photos,
    )
    return text % {"n": effect.others_photos}


def _direction(effect: Effect) -> str:
    if effect.shows and effect.hides:
        return _("Some would see your face who do not now, and some would no longer see it.")
    if effect.shows:
        return _("They would see your face where it is hidden from them now.")
    return _("They would no longer see your face there.")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def subject_name(rule: Rule) -> str:
    """Whom a rule speaks of."""
    return _name(rule.subject, rule.subject_circle, rule.subject_person)


def _name(kind: str, circle, person) -> str:
    if kind == Rule.Subject.CIRCLE and circle is not None:
        return _("everyone in “%(circle)s”") % {"circle": circle.name}
    if kind == Rule.Subject.PERSON and person is not None:
        return person.name
    return str({**dict(Rule.Uploader.choices), **dict(Rule.Subject.choices)}[kind])


def _when(rule: Rule) -> tuple[str, str]:
    """The sentence's second half: a pattern and the name that goes into it."""
    kind = Rule.Uploader(rule.uploader)
    if kind is Rule.Uploader.ANYONE:
        return _("always"), ""
    if kind is Rule.Uploader.ME:
        return _("when {who} post"), _("you")
    if kind is Rule.Uploader.FRIENDS:
        return _("when {who} post"), str(kind.label)
    return _("when {who} posts"), _name(rule.uploader, rule.uploader_circle, rule.uploader_person)


def rule_text(rule: Rule) -> str:
    """A rule as one plain sentence, without the part that says nothing ("always")."""
    pattern = _("Show to {who}") if rule.effect == models.Effect.SHOW else _("Hide from {who}")
    text = pattern.format(who=subject_name(rule))
    if rule.uploader == Rule.Uploader.ANYONE:
        return text
    when, who = _when(rule)
    return f"{text} {when.format(who=who)}"


def rule_words(rule: Rule) -> str:
    """The same for the log of decisions, which outlives people's accounts: it names nobody."""
    return rule_text(
        Rule(
            effect=rule.effect,
            subject=rule.subject,
            subject_circle=rule.subject_circle,
            uploader=rule.uploader,
            uploader_circle=rule.uploader_circle,
        )
    )


def rule_sentence(rule: Rule) -> SafeString:
    """The same with the names in bold, for the list of rules."""
    pattern = _("Show to {who}") if rule.effect == models.Effect.SHOW else _("Hide from {who}")
    when, who = _when(rule)
    bold = "<strong>{}</strong>"
    return format_html(
        "{} <span class='when'>{}</span>",
        format_html(pattern.replace("{who}", bold), subject_name(rule)),
        format_html(when.replace("{who}", bold), who) if who else when,
    )
