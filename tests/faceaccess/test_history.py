"""Every decision an owner takes leaves one line, written with it, read by nobody else."""

from __future__ import annotations

import pytest
from django.db import transaction

from accounts.models import User
from accounts.services import account_delete, capture_delete, enrolment_delete
from faceaccess import services
from faceaccess.models import DecisionLog
from faceaccess.records import AppendOnlyError
from tests.faceaccess.conftest import client_of, face_of, person, posted
from tests.factories import CircleFactory, FaceCaptureFactory, UserFactory, befriend

pytestmark = pytest.mark.django_db


def lines(owner: User) -> list[str]:
    """Oldest first."""
    return list(owner.decisions.order_by("pk").values_list("action", flat=True))


def test_decisions_about_a_photo_are_written_down(engine):
    owner = person(0, "authorization")
    photo = posted(person())
    region = face_of(photo, owner)
    services.tag_create(region=region, tagger=owner, owner=owner)
    services.tag_withdraw(region=region, by=owner)
    services.tag_withdraw(region=region, by=owner)  # nothing left to decide
    services.authorization_put_off(region=region, by=owner)
    services.authorization_answer(region=region, by=owner, answer="approved")
    services.authorization_answer(region=region, by=owner, answer="denied")
    services.authorization_clear(region=region, by=owner)
    services.authorization_clear(region=region, by=owner)
    services.override_set(region=region, by=owner, effect="show")
    services.override_set(region=region, by=owner, effect="hide")
    services.override_clear(region=region, by=owner)
    services.match_reject(region=region, by=owner)
    assert lines(owner) == [
        *("tagged", "withdrew", "put_off", "approved", "denied", "unanswered"),
        *("override_show", "override_hide", "override_cleared", "not_me"),
    ]
    assert {line.photo for line in owner.decisions.all()} == {photo}


def test_rules_models_and_enrolments_are_written_down_and_name_nobody_else():
    owner, dan = person(0), UserFactory(display_name="Dan Distinct")
    rule = services.rule_create(owner=owner, effect="hide", subject="person", subject_person=dan)
    other = services.rule_create(
        owner=owner, effect="show", subject="circle", subject_circle=CircleFactory(owner=owner, name="Choir")
    )
    services.rule_update(rule=rule, by=owner, enabled=False)
    services.rule_move(rule=other, by=owner, up=True)
    services.rule_move(rule=other, by=owner, up=True)  # it is the first already
    services.rule_delete(rule=rule, by=owner)
    services.model_choose(owner=owner, model="rules")
    capture_delete(capture=FaceCaptureFactory(user=owner), by=owner)
    enrolment_delete(user=owner)
    assert lines(owner) == [
        *("rule_added", "rule_added", "rule_changed", "rule_moved", "rule_deleted", "model"),
        *("capture_deleted", "erased"),
    ]
    details = " ".join(line.detail for line in owner.decisions.all())
    assert "Dan" not in details
    assert "Hide from one person" in details
    assert "Choir" in details


def test_adding_a_capture_is_written_down(engine, monkeypatch):
    from accounts import enrolment

    monkeypatch.setattr("accounts.enrolment.get_engine", lambda: engine)
    monkeypatch.setattr(enrolment, "good_capture", lambda image, analysis: (analysis.faces[0], image))
    from tests.faceaccess.engine import group_photo
    from tests.factories import upload

    user = UserFactory()
    enrolment.capture_enroll(user=user, upload=upload(group_photo(1)), consented=True)
    assert lines(user) == ["enrolled"]


def test_a_decision_that_is_rolled_back_leaves_no_line(engine):
    owner = person(0, "authorization")
    region = face_of(posted(person()), owner)
    with transaction.atomic():
        services.authorization_answer(region=region, by=owner, answer="approved")
        assert lines(owner) == ["approved"]
        transaction.set_rollback(True)
    assert lines(owner) == []


def test_what_a_friend_says_is_not_the_owners_decision(engine):
    owner, friend = person(0, "proxy"), person()
    befriend(owner, friend)
    services.tag_create(region=face_of(posted(person()), owner), tagger=friend, owner=owner)
    assert not DecisionLog.objects.exists()


def test_a_line_is_never_changed_and_goes_with_the_account_alone(engine):
    owner = person(0)
    photo = posted(person())
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="denied")
    line = owner.decisions.get()
    for change in (line.save, line.delete, owner.decisions.all().delete):
        with pytest.raises(AppendOnlyError):
            change()
    with pytest.raises(AppendOnlyError):
        owner.decisions.update(detail="other")
    photo.post.delete()
    assert owner.decisions.get().photo is None
    account_delete(user=owner, by=owner)
    assert not DecisionLog.objects.exists()


def test_the_page_shows_ones_own_lines_in_pages_and_links_only_to_photos_one_sees(engine, monkeypatch):
    monkeypatch.setattr("faceaccess.views_marks.HISTORY_A_PAGE", 2)
    owner, other = person(0, "authorization"), person(1, "authorization")
    photo = posted(person())
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    services.authorization_answer(region=face_of(photo, other), by=other, answer="denied")
    services.model_choose(owner=owner, model="rules")
    services.model_choose(owner=owner, model="proxy")
    first = client_of(owner).get("/face/history").content.decode()
    assert "By proxy" in first
    assert "?page=2" in first
    second = client_of(owner).get("/face/history?page=2").content.decode()
    assert "You showed your face in a photo" in second
    assert f"/photos/{photo.pk}/" in second
    assert "kept your face hidden" not in first + second
    photo.post.audience = "only_me"
    photo.post.save()
    assert f"/photos/{photo.pk}/" not in client_of(owner).get("/face/history?page=2").content.decode()
    assert client_of(None).get("/face/history").status_code == 302
