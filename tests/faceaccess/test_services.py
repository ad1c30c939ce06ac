"""Who may say what about which face."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.services import account_delete, circle_delete
from faceaccess import selectors, services
from faceaccess.models import Authorization, FacePreference, PhotoOverride, Rule, Tag
from faceaccess.policies import Reason
from photos.models import Photo
from tests.faceaccess.conftest import face_of, person, posted, shown_to
from tests.factories import BlockFactory, CircleFactory, PhotoFactory, UserFactory, befriend

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return person(0, "proxy")


@pytest.fixture
def friend(owner):
    friend = person()
    befriend(owner, friend)
    return friend


@pytest.fixture
def photo(engine, owner):
    return posted(person())


@pytest.fixture
def region(photo, owner):
    return face_of(photo, owner)


class TestTags:
    def test_a_friends_tag_shows_the_face_to_everyone_who_sees_the_photo(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        assert shown_to(person(), photo) == {0}

    def test_a_stranger_cannot_speak_for_the_owner(self, photo, region, owner):
        with pytest.raises(PermissionDenied):
            services.tag_create(region=region, tagger=photo.post.author, owner=owner)

    def test_nobody_tags_in_a_photo_they_may_not_see(self, engine, owner, friend):
        hidden = posted(person(), audience="only_me")
        with pytest.raises(PermissionDenied):
            services.tag_create(region=face_of(hidden, owner), tagger=friend, owner=owner)
        with pytest.raises(PermissionDenied):
            services.tag_create(region=face_of(hidden, owner), tagger=owner, owner=owner)

    def test_nobody_tags_across_a_block(self, photo, region, owner, friend):
        BlockFactory(blocker=owner, blocked=friend)
        with pytest.raises(PermissionDenied):
            services.tag_create(region=region, tagger=friend, owner=owner)

    def test_the_wrong_name_on_somebodys_face_discloses_nothing(self, photo, region, owner, friend):
        """Neither the face, nor whether the name was right."""
        other = person(None, "proxy")
        befriend(other, friend)
        assert services.tag_create(region=region, tagger=friend, owner=other).withdrawn_at is None
        unknown = photo.regions.get(index=2)
        assert services.tag_create(region=unknown, tagger=friend, owner=owner).withdrawn_at is None
        assert shown_to(person(), photo) == shown_to(friend, photo) == set()

    def test_a_withdrawn_tag_stays_withdrawn_whoever_tags_again(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        services.tag_withdraw(region=region, by=owner)
        second = person()
        befriend(owner, second)
        for tagger in (friend, second):
            services.tag_create(region=region, tagger=tagger, owner=owner)
            assert shown_to(person(), photo) == set()

    def test_unless_the_owner_tags_again(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        services.tag_withdraw(region=region, by=owner)
        services.tag_create(region=region, tagger=owner, owner=owner)
        assert shown_to(person(), photo) == {0}

    def test_a_tagger_takes_their_own_word_back_and_may_give_it_again(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        services.tag_withdraw(region=region, by=friend)
        assert not Tag.objects.exists()
        services.tag_create(region=region, tagger=friend, owner=owner)
        assert shown_to(person(), photo) == {0}

    def test_a_tagger_cannot_undo_the_owners_withdrawal_by_taking_the_tag_back(
        self, photo, region, owner, friend
    ):
        services.tag_create(region=region, tagger=friend, owner=owner)
        services.tag_withdraw(region=region, by=owner)
        services.tag_withdraw(region=region, by=friend)  # no error: it would tell that the owner was quicker
        assert Tag.objects.get().withdrawn_at is not None
        services.tag_create(region=region, tagger=friend, owner=owner)
        assert shown_to(person(), photo) == set()

    def test_nobody_else_takes_a_tag_back_and_trying_is_no_error(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        services.tag_withdraw(region=region, by=person())
        assert shown_to(person(), photo) == {0}

    def test_taking_a_tag_back_twice_is_taking_it_back_once(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        for by in (friend, friend, owner, owner):
            services.tag_withdraw(region=region, by=by)
        assert shown_to(person(), photo) == set()

    def test_a_second_friends_word_stands_in_when_the_firsts_no_longer_counts(self, photo, region, owner):
        first, second = person(), person()
        friendship = befriend(owner, first)
        befriend(owner, second)
        services.tag_create(region=region, tagger=first, owner=owner)
        friendship.delete()
        assert shown_to(person(), photo) == set()
        services.tag_create(region=region, tagger=second, owner=owner)
        assert shown_to(person(), photo) == {0}

    def test_a_tag_by_a_deleted_account_no_longer_counts(self, photo, region, owner, friend):
        services.tag_create(region=region, tagger=friend, owner=owner)
        account_delete(user=friend, by=friend)
        assert shown_to(person(), photo) == set()


OWN_ACTIONS = {
    "answer": lambda region, by: services.authorization_answer(region=region, by=by, answer="approved"),
    "clear the answer": lambda region, by: services.authorization_clear(region=region, by=by),
    "override": lambda region, by: services.override_set(region=region, by=by, effect="show"),
    "clear the override": lambda region, by: services.override_clear(region=region, by=by),
    "reject": lambda region, by: services.match_reject(region=region, by=by),
}


@pytest.mark.parametrize("action", OWN_ACTIONS)
def test_only_the_owner_decides_about_a_face(photo, region, friend, action):
    staff = UserFactory(is_staff=True, is_superuser=True)
    unknown = photo.regions.get(index=2)
    for somebody in (friend, photo.post.author, staff):
        for face in (region, unknown):
            with pytest.raises(PermissionDenied):
                OWN_ACTIONS[action](face, somebody)
    assert not Authorization.objects.exists()
    assert not PhotoOverride.objects.exists()


def test_who_was_the_owner_a_moment_ago_decides_no_more(region, owner):
    type(region).objects.filter(pk=region.pk).update(owner=None, match="unknown")
    with pytest.raises(PermissionDenied):
        services.authorization_answer(region=region, by=owner, answer="approved")


def test_nonsense_is_refused(region, owner):
    with pytest.raises(ValidationError):
        services.authorization_answer(region=region, by=owner, answer="maybe")
    with pytest.raises(ValidationError):
        services.override_set(region=region, by=owner, effect="blink")
    with pytest.raises(ValidationError):
        services.model_choose(owner=owner, model="anarchy")
    with pytest.raises(ValidationError):
        services.rule_create(owner=owner, effect="show", subject="nobody_in_particular")


def test_a_later_answer_replaces_the_earlier(engine):
    owner, viewer = person(0, "authorization"), person()
    photo = posted(person())
    region = face_of(photo, owner)
    for answer, expected in (("approved", {0}), ("denied", set()), ("approved", {0})):
        services.authorization_answer(region=region, by=owner, answer=answer)
        assert shown_to(viewer, photo) == expected
    assert Authorization.objects.count() == 1


class TestModels:
    def test_default_choice_and_pin(self, settings, owner):
        settings.FACE_DEFAULT_MODEL = "rules"
        assert selectors.effective_model(person()) == "rules"
        assert selectors.effective_model(owner) == "proxy"
        services.model_choose(owner=owner, model="")
        assert selectors.effective_model(owner) == "rules"
        settings.FACE_PINNED_MODEL = "authorization"
        assert selectors.effective_model(owner) == "authorization"

    def test_nobody_chooses_where_the_site_pinned_one(self, settings, owner):
        settings.FACE_PINNED_MODEL = "rules"
        with pytest.raises(PermissionDenied):
            services.model_choose(owner=owner, model="proxy")

    def test_choosing_one_does_not_switch_reminders_on_again(self, owner, monkeypatch):
        FacePreference.objects.update(reminders=True)
        clean = FacePreference.full_clean

        def meanwhile(preference, *args, **kwargs):
            FacePreference.objects.filter(pk=preference.pk).update(reminders=False)
            return clean(preference, *args, **kwargs)

        monkeypatch.setattr(FacePreference, "full_clean", meanwhile)
        services.model_choose(owner=owner, model="rules")
        preference = FacePreference.objects.get(owner=owner)
        assert (preference.model, preference.reminders) == ("rules", False)


class TestRules:
    def order(self, owner) -> list[int]:
        return list(Rule.objects.filter(owner=owner).values_list("pk", flat=True))

    def test_new_ones_come_last_and_can_be_moved(self, owner):
        one, two, three = (
            services.rule_create(owner=owner, effect="show", subject="everyone").pk for _ in range(3)
        )
        assert self.order(owner) == [one, two, three]
        services.rule_move(rule=Rule.objects.get(pk=three), by=owner, up=True)
        assert self.order(owner) == [one, three, two]
        services.rule_move(rule=Rule.objects.get(pk=one), by=owner, up=False)
        assert self.order(owner) == [three, one, two]
        services.rule_move(rule=Rule.objects.get(pk=three), by=owner, up=True)
        assert self.order(owner) == [three, one, two]
        services.rule_delete(rule=Rule.objects.get(pk=one), by=owner)
        added = services.rule_create(owner=owner, effect="show", subject="friends").pk
        assert self.order(owner) == [three, two, added]

    def test_somebody_elses_rules_cannot_be_touched(self, owner, friend):
        rule = services.rule_create(owner=owner, effect="show", subject="everyone")
        for change in (
            lambda: services.rule_update(rule=rule, by=friend, effect="hide"),
            lambda: services.rule_move(rule=rule, by=friend, up=True),
            lambda: services.rule_delete(rule=rule, by=friend),
        ):
            with pytest.raises(PermissionDenied):
                change()

    def test_a_rule_names_ones_own_circles_only(self, owner, friend):
        circle = CircleFactory(owner=friend)
        for part in ("subject", "uploader"):
            fields = {"subject": "everyone", part: "circle", f"{part}_circle": circle}
            with pytest.raises(ValidationError):
                services.rule_create(owner=owner, effect="show", **fields)

    def test_the_owner_and_place_of_a_rule_are_no_fields_to_update(self, owner, friend):
        rule = services.rule_create(owner=owner, effect="show", subject="everyone")
        for field in ({"owner": friend}, {"position": 0}):
            with pytest.raises(TypeError):
                services.rule_update(rule=rule, by=owner, **field)

    def test_a_circle_that_a_rule_hides_from_cannot_be_deleted_under_it(self, owner):
        circle = CircleFactory(owner=owner)
        rule = services.rule_create(owner=owner, effect="hide", subject="circle", subject_circle=circle)
        services.rule_create(owner=owner, effect="show", subject="everyone")
        with pytest.raises(ValidationError):
            circle_delete(circle=circle, by=owner)
        services.rule_delete(rule=rule, by=owner)
        circle_delete(circle=circle, by=owner)

    def test_an_owner_with_rules_about_circles_can_leave(self, owner):
        circle = CircleFactory(owner=owner)
        services.rule_create(owner=owner, effect="hide", subject="circle", subject_circle=circle)
        account_delete(user=owner, by=owner)
        assert not Rule.objects.exists()

    def test_the_list_is_bounded(self, owner, monkeypatch):
        monkeypatch.setattr(services, "RULES_AT_MOST", 1)
        services.rule_create(owner=owner, effect="show", subject="everyone")
        with pytest.raises(ValidationError):
            services.rule_create(owner=owner, effect="show", subject="everyone")


class TestWhatOwnersRead:
    def test_the_inbox_holds_what_waits_for_an_answer(self, engine):
        owner = person(0, "authorization")
        first, second = posted(person()), posted(person())
        posted(person(), audience="only_me")  # not theirs to see
        assert [region.photo for region in selectors.inbox(owner)] == [second, first]
        services.authorization_answer(region=face_of(first, owner), by=owner, answer="denied")
        assert [region.photo for region in selectors.inbox(owner)] == [second]
        services.model_choose(owner=owner, model="rules")
        assert not selectors.inbox(owner).exists()
        assert [region.photo for region in selectors.regions_of(owner)] == [second, first]

    def test_decisions_for_owner_speak_of_the_own_face_only(self, photo, owner, friend, region):
        services.tag_create(region=region, tagger=friend, owner=owner)
        decisions = selectors.decisions_for_owner(owner, photo, person())
        assert {index: decision.reason for index, decision in decisions.items()} == {0: Reason.TAGGED}
        assert selectors.decisions_for_owner(friend, photo, owner) == {}


class TestWhatTaggersAreOffered:
    def test_the_same_for_every_face_and_only_friends_and_oneself(self, photo, owner, friend):
        person()
        for region in photo.regions.all():
            assert set(selectors.taggable_people(friend, region)) == {friend, owner}
        assert list(selectors.taggable_people(friend, region, owner.username)) == [owner]

    def test_all_faces_or_none(self, photo, owner, friend):
        assert selectors.taggable_regions(photo, friend).count() == 3
        BlockFactory(blocker=photo.post.author, blocked=friend)
        assert selectors.taggable_regions(photo, friend).count() == 0
        assert selectors.taggable_regions(photo, None).count() == 0

    def test_nothing_in_an_unfinished_photo(self, photo, friend):
        Photo.objects.filter(pk=photo.pk).update(state=Photo.State.PROTECTING)
        photo.refresh_from_db()
        assert not selectors.may_tag(friend, photo.regions.first())


class TestRetry:
    def test_the_author_starts_a_failed_photo_over(self, engine):
        photo = PhotoFactory(state=Photo.State.FAILED)
        with pytest.raises(PermissionDenied):
            services.photo_retry(photo=photo, by=person())
        services.photo_retry(photo=photo, by=photo.post.author)
        photo.refresh_from_db()
        assert photo.state == Photo.State.WAITING
        with pytest.raises(ValidationError):
            services.photo_retry(photo=photo, by=photo.post.author)
