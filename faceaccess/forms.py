"""The rule form: three plain choices instead of seven columns."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.selectors import circles_of, friends_of
from faceaccess.models import Effect, Rule

PLAIN_SUBJECTS = (Rule.Subject.EVERYONE, Rule.Subject.FRIENDS, Rule.Subject.FRIENDS_OF_FRIENDS)
PLAIN_UPLOADERS = (Rule.Uploader.ANYONE, Rule.Uploader.ME, Rule.Uploader.FRIENDS)


class RuleForm(forms.Form):
    """``subject`` and ``uploader`` are a kind, or "circle:ID", or "person:ID" out of one's own circles and friends."""

    effect = forms.ChoiceField(label=_("My face is"), choices=[], widget=forms.RadioSelect)
    subject = forms.ChoiceField(label=_("to / from"))
    uploader = forms.ChoiceField(label=_("when the photo is posted by"))

    def __init__(self, *args, owner: User, person: User | None = None, **kwargs) -> None:
        """``person``: somebody to offer beside the owner's friends."""
        super().__init__(*args, **kwargs)
        self.circles = {circle.pk: circle for circle in circles_of(owner)}
        self.people = {friend.pk: friend for friend in friends_of(owner)}
        if person is not None and person != owner:
            self.people.setdefault(person.pk, person)
            self.initial.setdefault("subject", f"person:{person.pk}")
        self.fields["effect"].choices = [(Effect.SHOW, _("shown")), (Effect.HIDE, _("hidden"))]
        self.initial.setdefault("effect", Effect.SHOW)
        self.fields["subject"].choices = self._choices(PLAIN_SUBJECTS)
        self.fields["uploader"].choices = self._choices(PLAIN_UPLOADERS)

    def _choices(self, plain) -> list[tuple[object, object]]:
        choices: list[tuple[object, object]] = [(kind.value, kind.label) for kind in plain]
        if self.circles:
            choices.append((_("Circles"), [(f"circle:{pk}", c.name) for pk, c in self.circles.items()]))
        if self.people:
            choices.append((_("People"), [(f"person:{pk}", p.name) for pk, p in self.people.items()]))
        return choices

    def parts(self) -> dict[str, object]:
        """The keyword arguments of rule_create."""
        parts: dict[str, object] = {"effect": self.cleaned_data["effect"]}
        for who in ("subject", "uploader"):
            kind, _colon, pk = self.cleaned_data[who].partition(":")
            parts[who] = kind
            parts[f"{who}_circle"] = self.circles[int(pk)] if kind == "circle" else None
            parts[f"{who}_person"] = self.people[int(pk)] if kind == "person" else None
        return parts


class MarkForm(forms.Form):
    """A box drawn by hand: left and top edge, width and height, px of the stored photo."""

    x = forms.FloatField()
    y = forms.FloatField()
    width = forms.FloatField(min_value=0)
    height = forms.FloatField(min_value=0)

    def box(self) -> list[float]:
        """x0, y0, x1, y1."""
        x, y, width, height = (self.cleaned_data[name] for name in ("x", "y", "width", "height"))
        return [x, y, x + width, y + height]
