"""Pages about people: search, requests, friends, circles, blocks, one's own profile."""

from __future__ import annotations

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import selectors, services
from accounts.forms import CircleForm, ProfileForm
from accounts.models import Circle, Friendship, User
from socialnet import limits
from socialnet.answers import action, back, done, in_parts, signed_in, wants_part
from socialnet.limits import limited
from socialnet.numbers import number

RESULTS_AT_MOST = 40


def relations_of(viewer: User) -> dict[int, str]:
    """What every acquaintance is to ``viewer``: "friend", "asked" (by the viewer) or "asks" (the viewer)."""
    relations = {}
    for friendship in Friendship.objects.of(viewer):
        asked_by_viewer = friendship.requester_id == viewer.pk
        other = friendship.addressee_id if asked_by_viewer else friendship.requester_id
        relations[other] = "friend" if friendship.accepted_at else "asked" if asked_by_viewer else "asks"
    return relations


def with_relation(people, relations: dict[int, str]) -> list[User]:
    """The people as a list, each carrying ``relation`` for the buttons beside their name."""
    people = list(people)
    for person in people:
        person.relation = relations.get(person.pk, "")
    return people


@login_required
@in_parts
def people(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    if text:
        try:
            limits.count("people_search", request.user.pk)
        except limits.TooOftenError as error:
            return limits.refusal(request, error)
    relations = relations_of(request.user)
    found = selectors.people_search(viewer=request.user, text=text)[:RESULTS_AT_MOST]
    page = {"text": text, "found": with_relation(found, relations)}
    if wants_part(request):
        return render(request, "accounts/people_found.html", page)
    page |= {
        "requests_in": selectors.requests_for(request.user),
        "requests_out": selectors.requests_by(request.user),
        "friends": with_relation(selectors.friends_of(request.user), relations),
        "suggestions": with_relation(selectors.suggestions(request.user), relations),
    }
    return render(request, "accounts/people.html", page)


# --- friendships and blocks ---


def _friendship(request: HttpRequest, person: User) -> Friendship:
    friendship = selectors.friendship_between(request.user, person)
    if friendship is None:
        raise Http404
    return friendship


@limited("friend_request")
@action("people")
def friend_request(request: HttpRequest, handle: str) -> HttpResponse:
    person = selectors.person_for(request.user, handle)
    friendship = services.friendship_request(requester=request.user, addressee=person)
    if friendship.accepted_at:
        done(request, _("You and %(name)s are friends now.") % {"name": person.name})
    else:
        done(request, _("%(name)s has your request.") % {"name": person.name})
    return back(request, "person", handle)


@action("people")
def friend_accept(request: HttpRequest, handle: str) -> HttpResponse:
    person = selectors.person_for(request.user, handle)
    services.friendship_accept(friendship=_friendship(request, person), by=request.user)
    done(request, _("You and %(name)s are friends now.") % {"name": person.name})
    return back(request, "people")


@action("people")
def friend_decline(request: HttpRequest, handle: str) -> HttpResponse:
    """Declines a request that was received, or takes back one that was sent."""
    person = selectors.person_for(request.user, handle)
    friendship = _friendship(request, person)
    services.friendship_decline(friendship=friendship, by=request.user)
    if friendship.requester_id == request.user.pk:
        done(request, _("Your request to %(name)s was taken back.") % {"name": person.name})
    else:
        done(request, _("Declined. %(name)s is not told.") % {"name": person.name})
    return back(request, "people")


@action("people")
def friend_end(request: HttpRequest, handle: str) -> HttpResponse:
    person = selectors.person_for(request.user, handle)
    services.friendship_end(one=request.user, other=person)
    done(request, _("You and %(name)s are no longer friends.") % {"name": person.name})
    return back(request, "person", handle)


@action("people")
def block(request: HttpRequest, handle: str) -> HttpResponse:
    person = selectors.person_for(request.user, handle)
    services.block_create(blocker=request.user, blocked=person)
    done(
        request,
        _("%(name)s is blocked. You no longer see each other. Unblock under Settings.")
        % {"name": person.name},
    )
    return redirect("people")


@action("settings")
def unblock(request: HttpRequest, pk: int) -> HttpResponse:
    """By the block, not by a handle: the person may have another one since."""
    block = get_object_or_404(selectors.blocks_by(request.user), pk=pk)
    services.block_remove(blocker=request.user, blocked=block.blocked)
    done(request, _("%(name)s is unblocked. You are not friends again by that.") % {"name": block.name})
    return back(request, "settings")


@action("people")
def mute(request: HttpRequest, handle: str) -> HttpResponse:
    person = selectors.person_for(request.user, handle)
    services.mute_create(muter=request.user, muted=person)
    text = _("Posts by %(name)s stay out of your feed. They are not told.")
    done(request, text % {"name": person.name}, undo=reverse("unmute", args=[person.username]))
    return back(request, "person", handle)


@action("settings")
def unmute(request: HttpRequest, handle: str) -> HttpResponse:
    person = selectors.person_for(request.user, handle)
    services.mute_remove(muter=request.user, muted=person)
    done(request, _("Posts by %(name)s are in your feed again.") % {"name": person.name})
    return back(request, "settings")


# --- circles ---


@login_required
def circles(request: HttpRequest) -> HttpResponse:
    form = CircleForm()
    friends = list(selectors.friends_of(request.user))
    own = list(selectors.circles_with_members(request.user))
    for circle in own:
        inside = {membership.person_id for membership in circle.memberships.all()}
        circle.addable = [friend for friend in friends if friend.pk not in inside]
    page = {"form": form, "circles": own, "has_friends": bool(friends)}
    return render(request, "accounts/circles.html", page)


def _own_circle(request: HttpRequest, pk: int) -> Circle:
    return get_object_or_404(selectors.circles_of(request.user), pk=pk)


@action("circles")
def circle_create(request: HttpRequest) -> HttpResponse:
    circle = services.circle_create(owner=request.user, name=request.POST.get("name", ""))
    done(request, _("The circle “%(name)s” is there. Only you know of it.") % {"name": circle.name})
    return back(request, "circles")


@action("circles")
def circle_rename(request: HttpRequest, pk: int) -> HttpResponse:
    circle = services.circle_rename(
        circle=_own_circle(request, pk), by=request.user, name=request.POST.get("name", "")
    )
    done(request, _("The circle is called “%(name)s” now.") % {"name": circle.name})
    return back(request, "circles")


@action("circles")
def circle_delete(request: HttpRequest, pk: int) -> HttpResponse:
    circle = _own_circle(request, pk)
    services.circle_delete(circle=circle, by=request.user)
    done(request, _("The circle “%(name)s” is deleted.") % {"name": circle.name})
    return back(request, "circles")


@action("circles")
def circle_add(request: HttpRequest, pk: int) -> HttpResponse:
    circle = _own_circle(request, pk)
    person = selectors.person_for(request.user, request.POST.get("person", ""))
    membership = services.circle_add(circle=circle, by=request.user, person=person)
    done(
        request,
        _("%(name)s is in “%(circle)s” now.") % {"name": person.name, "circle": circle.name},
        undo=reverse("circle-remove", args=[circle.pk]),
        membership=str(membership.pk),
    )
    return back(request, "circles")


@action("circles")
def circle_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """By the membership, never by a handle: to be told whether one fits would find out that of a hidden person."""
    circle = _own_circle(request, pk)
    membership = get_object_or_404(circle.memberships, pk=number(request.POST.get("membership", "")))
    services.circle_remove(circle=circle, by=request.user, person=membership.person)
    seen = selectors.people_visible_to(request.user).filter(pk=membership.person_id).first()
    name = seen.name if seen else _("Somebody")
    undo = {"undo": reverse("circle-add", args=[pk]), "person": seen.username} if seen else {}
    text = _("%(name)s is no longer in “%(circle)s”.")
    done(request, text % {"name": name, "circle": circle.name}, **undo)
    return back(request, "circles")


# --- oneself ---


@limited("profile")
@signed_in()
def settings_page(request: HttpRequest) -> HttpResponse:
    """Everything one can set, or the way to it, and the profile."""
    # A copy, so that a refused name does not show up in the frame of the page that refuses it.
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        services.profile_update(user=request.user, by=request.user, **form.cleaned_data)
        done(request, _("Your profile is saved."))
        return redirect("settings")
    page = {
        "form": form,
        "blocks": selectors.blocks_by(request.user),
        "muted": selectors.muted_by(request.user),
        "two_factor": is_mfa_enabled(request.user),
    }
    return render(request, "accounts/settings.html", page)
