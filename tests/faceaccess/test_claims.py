""" "That's me": granted when near and clear, asked of the uploader else, and never a way to somebody else's face."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts import services as people
from accounts.models import User
from community import notifications
from faceaccess import claims, matching, services, tasks
from faceaccess.models import Claim, DecisionLog, FaceRegion
from mfmc_engine.parameters import AMBIGUITY_MARGIN, CLAIM_LIMIT, CLAIM_THRESHOLD, MATCH_THRESHOLD
from photos.models import Photo, Post
from tests.faceaccess.conftest import client_of, enrol, person, posted, rematch, shown_to
from tests.faceaccess.engine import embedding_of
from tests.factories import BlockFactory, FaceCaptureFactory, UserFactory, unit_vector
from tests.pages.html import Page

pytestmark = pytest.mark.django_db

NEAR = (MATCH_THRESHOLD + CLAIM_THRESHOLD) / 2  # too far to be matched, near enough to claim
BETWEEN = (CLAIM_THRESHOLD + CLAIM_LIMIT) / 2
FAR = CLAIM_LIMIT + 0.05


def somebody(distance: float, face: int = 0, model: str = "rules") -> User:
    """A person whose template lies ``distance`` from a face of the photo."""
    user = person(model=model)
    away = unit_vector(user.pk + 7000)
    FaceCaptureFactory(user=user, embedding=(embedding_of(face) + distance * away).astype(np.float32))
    return user


@pytest.fixture
def photo(engine) -> Photo:
    return posted(person(), 3)


def claimed(photo: Photo, by: User, index: int = 0) -> Claim:
    return claims.claim_create(region=photo.regions.get(index=index), by=by)


def left_open(photo: Photo, by: User, index: int = 0) -> Claim:
    """A claim that the worker compared, and that is the uploader's to answer."""
    claim = claimed(photo, by, index)
    assert not claims.judge(claim.pk)
    return claim


def owner_of(photo: Photo, index: int = 0) -> User | None:
    return photo.regions.get(index=index).owner


def test_a_claim_alone_changes_nothing(photo, sent_tasks, django_capture_on_commit_callbacks):
    claimant = somebody(NEAR)
    with django_capture_on_commit_callbacks(execute=True):
        claim = claimed(photo, claimant)
    assert owner_of(photo) is None
    assert shown_to(claimant, photo) == set()
    assert ("faceaccess.tasks.claim_judge", (claim.pk,)) in sent_tasks


def test_a_near_claim_is_granted_and_then_the_claimants_own_model_decides(photo):
    claimant, viewer = somebody(NEAR), person()
    assert rematch(claimant.pk) == 0, "not near enough to be matched by itself"
    assert claims.judge(claimed(photo, claimant).pk)
    assert owner_of(photo) == claimant
    assert shown_to(claimant, photo) == {0}
    assert shown_to(viewer, photo) == set()
    services.rule_create(owner=claimant, effect="show", subject="everyone")
    assert shown_to(viewer, photo) == {0}


@pytest.mark.parametrize("distance", [BETWEEN, FAR])
def test_a_claim_that_is_not_near_waits_for_the_uploader(photo, distance):
    claim = left_open(photo, somebody(distance))
    assert owner_of(photo) is None
    assert list(claims.waiting_for(photo.post.author)) == [claim]


def test_the_uploaders_yes_counts_unless_the_face_is_measurably_somebody_elses(photo):
    for distance, granted in ((FAR, False), (BETWEEN, True)):
        claimant = somebody(distance)
        claims.claim_answer(claim=left_open(photo, claimant), by=photo.post.author, accept=True)
        assert (owner_of(photo) == claimant) is granted
        assert shown_to(claimant, photo) == ({0} if granted else set())


def test_a_face_of_somebody_else_is_never_given_whoever_says_yes(photo):
    owner = person(0, "authorization")
    rematch(owner.pk)
    claimant = somebody(BETWEEN)
    claims.claim_answer(claim=left_open(photo, claimant), by=photo.post.author, accept=True)
    assert owner_of(photo) == owner
    assert shown_to(claimant, photo) == set()


def test_who_is_recognised_later_takes_the_face_back_from_a_claim(photo):
    claimant = somebody(BETWEEN)
    claims.claim_answer(claim=left_open(photo, claimant), by=photo.post.author, accept=True)
    services.rule_create(owner=claimant, effect="show", subject="everyone")
    assert shown_to(person(), photo) == {0}
    owner = person(0, "authorization")
    rematch(owner.pk)
    assert owner_of(photo) == owner
    assert shown_to(person(), photo) == set()


def test_an_accepted_claim_outlives_a_new_match_and_ends_with_the_enrolment(photo):
    claimant = somebody(NEAR)
    claims.judge(claimed(photo, claimant).pk)
    rematch(person(2).pk)
    assert owner_of(photo) == claimant
    claimant.captures.all().delete()
    assert shown_to(person(), photo) == set()
    rematch(claimant.pk)
    assert owner_of(photo) is None


def test_two_people_about_as_near_are_told_apart_by_no_machine(photo):
    one, other = somebody(NEAR), somebody(NEAR + AMBIGUITY_MARGIN / 2)
    assert not claims.judge(claimed(photo, one).pk)
    assert not claims.judge(claimed(photo, other).pk)
    assert owner_of(photo) is None


@pytest.mark.parametrize("poor", [{"quality": 0.1}, {"embedding": b""}, {"embedding": b"damaged"}])
def test_a_face_that_cannot_be_compared_is_given_to_nobody_whoever_says_yes(photo, poor):
    """The claimant may be anybody, the uploader's second account for one."""
    FaceRegion.objects.filter(photo=photo).update(**poor)
    claimant = somebody(NEAR)
    services.rule_create(owner=claimant, effect="show", subject="everyone")
    claim = left_open(photo, claimant)
    uploader = client_of(photo.post.author)
    answered = uploader.post(f"/claims/{claim.pk}/answer", {"answer": "yes"}, follow=True)
    assert [str(message) for message in answered.context["messages"]] == [
        f"Noted. If that face can be compared, may be theirs and is nobody else's, {claimant.name} decides who sees it "
        "from now on."
    ]
    assert owner_of(photo) is None
    assert shown_to(person(), photo) == shown_to(claimant, photo) == set()


def test_an_ambiguous_face_is_given_to_nobody_whoever_says_yes(engine):
    """Two people enrolled one face: neither shows it by the word of an uploader."""
    vera, twin = person(0, "authorization"), person(0, "rules")
    services.rule_create(owner=twin, effect="show", subject="everyone")
    photo = posted(person())
    claims.claim_answer(claim=left_open(photo, twin), by=photo.post.author, accept=True)
    assert (owner_of(photo), photo.regions.get(index=0).match) == (None, FaceRegion.Match.AMBIGUOUS)
    assert shown_to(person(), photo) == shown_to(vera, photo) == set()


class TestTwoClaimOneFace:
    """The nearer one has it, whoever was first; where no distance tells, the uploader's last word counts."""

    def answered(self, photo: Photo, by: User, yes: bool = True) -> None:
        claims.claim_answer(claim=left_open(photo, by), by=photo.post.author, accept=yes)

    def test_who_is_near_takes_it_from_whom_the_uploader_gave_it(self, photo):
        vera, other = somebody(NEAR), somebody(BETWEEN)
        services.rule_create(owner=other, effect="show", subject="everyone")
        self.answered(photo, other)
        assert shown_to(person(), photo) == {0}
        assert claims.judge(claimed(photo, vera).pk)
        assert owner_of(photo) == vera
        assert shown_to(person(), photo) == set()

    def test_and_the_uploader_does_not_take_it_from_them(self, photo):
        vera, other = somebody(NEAR), somebody(BETWEEN)
        assert claims.judge(claimed(photo, vera).pk)
        self.answered(photo, other)
        rematch()
        assert owner_of(photo) == vera

    def test_of_two_that_are_near_the_nearer_one(self, photo):
        near = somebody(CLAIM_THRESHOLD - 0.001)
        assert claims.judge(claimed(photo, near).pk)
        nearer = somebody(MATCH_THRESHOLD + 0.001)
        assert claims.judge(claimed(photo, nearer).pk)
        assert owner_of(photo) == nearer

    def test_of_two_that_are_about_as_near_neither(self, photo):
        """By the uploader's word for the second one, whichever is nearer. It is hidden from both, for good."""
        for index, sign in ((0, -1), (1, 1)):
            vera = somebody(NEAR, index)
            assert claims.judge(claimed(photo, vera, index).pk)
            puppet = somebody(NEAR + sign * AMBIGUITY_MARGIN / 2, index)
            services.rule_create(owner=puppet, effect="show", subject="everyone")
            claim = left_open(photo, puppet, index)
            claims.claim_answer(claim=claim, by=photo.post.author, accept=True)
            assert shown_to(person(), photo) == shown_to(vera, photo) == set()
            people.enrolment_delete(user=vera)
            rematch(vera.pk)
            assert owner_of(photo, index) is None

    def test_the_uploader_corrects_themselves(self, photo):
        wrong, right = somebody(BETWEEN - 0.01), somebody(BETWEEN)
        self.answered(photo, wrong)
        self.answered(photo, right)
        rematch()
        assert owner_of(photo) == right

    def test_who_lost_it_does_not_get_it_back_when_the_other_leaves(self, photo):
        vera, other = somebody(NEAR), somebody(BETWEEN)
        self.answered(photo, other)
        assert claims.judge(claimed(photo, vera).pk)
        people.enrolment_delete(user=vera)
        rematch(vera.pk)
        assert owner_of(photo) is None


class TestAYesThatSleeps:
    """A yes never comes into force by itself, because the person who is recognised in the face leaves."""

    def leaves(self, owner: User) -> None:
        people.enrolment_delete(user=owner)
        rematch(owner.pk)

    @pytest.fixture
    def other(self) -> User:
        other = somebody(BETWEEN)
        services.rule_create(owner=other, effect="show", subject="everyone")
        return other

    def test_said_about_a_face_that_is_somebody_elses(self, photo, other):
        owner = person(0, "authorization")
        rematch(owner.pk)
        claim = left_open(photo, other)
        claims.claim_answer(claim=claim, by=photo.post.author, accept=True)
        claim.refresh_from_db()
        assert claim.state == Claim.State.REJECTED
        self.leaves(owner)
        assert owner_of(photo) is None
        assert shown_to(person(), photo) == set()

    @pytest.mark.parametrize("twins", [1, 2])
    def test_said_before_somebody_was_recognised_there(self, photo, other, twins):
        """With two of them the face is ambiguous: theirs rather than the claimant's."""
        claims.claim_answer(claim=left_open(photo, other), by=photo.post.author, accept=True)
        assert shown_to(person(), photo) == {0}
        owners = [person(0, "authorization") for _ in range(twins)]
        rematch()
        for owner in owners:
            self.leaves(owner)
        assert owner_of(photo) is None
        assert shown_to(person(), photo) == set()

    @pytest.mark.parametrize("enrolled", [False, True])
    def test_said_while_nothing_can_be_compared(self, photo, other, enrolled, monkeypatch):
        """What is nobody's waits for the next matching; what is somebody's is theirs, and the yes a no."""
        owner = person(0, "authorization") if enrolled else None
        rematch()
        claim = left_open(photo, other)
        for module in (claims, matching):
            monkeypatch.setattr(module, "gallery_is_partial", lambda: True)
        claims.claim_answer(claim=claim, by=photo.post.author, accept=True)
        monkeypatch.undo()
        if owner is not None:
            self.leaves(owner)
        rematch()
        assert owner_of(photo) == (None if enrolled else other)

    def test_what_one_is_recognised_in_oneself_stays_claimed(self, photo):
        claimant = somebody(NEAR)
        assert claims.judge(claimed(photo, claimant).pk)
        better = FaceCaptureFactory(user=claimant, embedding=embedding_of(0))
        rematch()
        better.delete()
        rematch()
        assert owner_of(photo) == claimant


def test_one_face_per_person_and_photo(photo):
    claimant = somebody(NEAR)
    second = left_open(photo, claimant, index=1)
    claims.judge(claimed(photo, claimant).pk)
    claims.claim_answer(claim=second, by=photo.post.author, accept=True)
    assert list(photo.regions.filter(owner=claimant).values_list("index", flat=True)) == [0]
    with pytest.raises(ValidationError):
        claimed(photo, claimant, index=2)


def test_nobody_decides_their_own_claim_or_one_on_anothers_photo(engine):
    uploader = somebody(BETWEEN)
    photo = posted(uploader, 3)
    claim = left_open(photo, uploader)
    for by in (uploader, person()):
        with pytest.raises(PermissionDenied):
            claims.claim_answer(claim=claim, by=by, accept=True)
    assert owner_of(photo) is None


def test_a_rejected_claim_is_remembered_and_not_told(photo):
    claimant = somebody(BETWEEN)
    region = photo.regions.get(index=0)
    say = f"/faces/{region.pk}/claim"
    first = client_of(claimant).post(say, follow=True)
    claim = Claim.objects.get()
    claims.judge(claim.pk)
    claims.claim_answer(claim=claim, by=photo.post.author, accept=False)
    again = client_of(claimant).post(say, follow=True)
    assert [str(m) for m in again.context["messages"]] == [str(m) for m in first.context["messages"]]
    claim.refresh_from_db()
    assert claim.state == Claim.State.REJECTED
    assert not claims.judge(claim.pk)
    assert not claims.waiting_for(photo.post.author).exists()


def test_not_me_ends_a_claim_for_good(photo):
    claimant = somebody(NEAR)
    claims.judge(claimed(photo, claimant).pk)
    services.match_reject(region=photo.regions.get(index=0), by=claimant)
    rematch()
    assert owner_of(photo) is None
    with pytest.raises(ValidationError):
        claimed(photo, claimant)


def test_claims_are_few_and_need_an_enrolment_and_a_photo_one_sees(photo, monkeypatch):
    monkeypatch.setattr(claims, "CLAIMS_A_PHOTO", 2)
    claimant = somebody(FAR)
    claimed(photo, claimant, 0)
    claimed(photo, claimant, 1)
    with pytest.raises(ValidationError):
        claimed(photo, claimant, 2)
    with pytest.raises(ValidationError):
        claimed(photo, UserFactory())
    blocked = somebody(NEAR)
    BlockFactory(blocker=photo.post.author, blocked=blocked)
    with pytest.raises(PermissionDenied):
        claimed(photo, blocked)


def test_the_answer_and_the_page_are_the_same_whoevers_face_it_is(photo):
    """A claimant learns nothing about a face: matched, unknown or ambiguous, the site says the same."""
    owner = person(1, "authorization")
    rematch(owner.pk)
    claimant = somebody(FAR)

    def say(index: int) -> tuple[list[str], bytes]:
        region = photo.regions.get(index=index)
        page = client_of(claimant).post(f"/faces/{region.pk}/claim", follow=True)
        api = client_of(claimant).post(f"/api/v1/faces/{region.pk}/claim/")
        assert (api.status_code, api.content) == (204, b"")
        return [str(message) for message in page.context["messages"]]

    assert say(0) == say(1) == say(2)
    for claim in Claim.objects.all():
        claims.judge(claim.pk)
    asked = client_of(photo.post.author).get("/api/v1/claims/").json()
    assert [claim.keys() for claim in asked] == [{"id", "photo", "box", "claimant", "created_at"}] * 3


def test_the_uploader_answers_on_the_page_and_over_the_api(photo):
    one, other = somebody(BETWEEN), somebody(BETWEEN, 1)
    uploader = client_of(photo.post.author)
    first, second = left_open(photo, one), left_open(photo, other, 1)
    assert one.name in uploader.get("/face/inbox").content.decode()
    assert client_of(one).post(f"/claims/{first.pk}/answer", {"answer": "yes"}).status_code == 404
    uploader.post(f"/claims/{first.pk}/answer", {"answer": "perhaps"})
    assert owner_of(photo) is None
    uploader.post(f"/claims/{first.pk}/answer", {"answer": "yes"})
    assert owner_of(photo) == one
    address = f"/api/v1/claims/{second.pk}/answer/"
    assert client_of(other).post(address, {"accept": True}).status_code == 404
    assert uploader.post(address, {"accept": False}).status_code == 204
    second.refresh_from_db()
    assert second.state == Claim.State.REJECTED
    assert DecisionLog.objects.filter(owner=one, action="claimed", photo=photo).count() == 1


class TestWhatTheUploaderHears:
    """Of a claim that is granted by itself nothing, anywhere: it would name the hidden face."""

    def heard(self, uploader: User) -> list[object]:
        client = client_of(uploader)
        told = [
            client.get(f"/api/v1/{address}/").json()
            for address in ("claims", "notifications", "notifications/unseen", "exposures", "questions")
        ]
        pages = (
            client.get(reverse(name)) for name in ("notifications", "face-inbox", "feed", "face-history")
        )
        return told + [" ".join(Page.of(page).words.split()) for page in pages]

    @pytest.fixture
    def uploader(self, photo) -> User:
        Post.objects.update(created_at=timezone.now() - timedelta(days=3))  # pages say how long ago
        return photo.post.author

    def test_nothing_of_a_claim_that_is_granted(self, photo, uploader):
        before = self.heard(uploader)
        claim = claimed(photo, somebody(NEAR))
        assert self.heard(uploader) == before
        assert claims.judge(claim.pk)
        assert self.heard(uploader) == before
        assert not uploader.notifications.exists()

    def test_of_one_that_is_left_open_once_and_then(self, photo, uploader):
        before = self.heard(uploader)
        claim = claimed(photo, somebody(BETWEEN))
        assert self.heard(uploader) == before
        for _ in range(2):  # a message that was sent twice
            assert not claims.judge(claim.pk)
            assert [row["id"] for row in client_of(uploader).get("/api/v1/claims/").json()] == [claim.pk]
            assert uploader.notifications.count() == 1
            assert notifications.unseen_count(uploader) == 1

    def test_they_cannot_answer_what_they_were_not_asked(self, photo, uploader):
        claim = claimed(photo, somebody(NEAR))
        with pytest.raises(PermissionDenied):
            claims.claim_answer(claim=claim, by=uploader, accept=False)
        assert client_of(uploader).post(f"/claims/{claim.pk}/answer", {"answer": "no"}).status_code == 404
        answer = client_of(uploader).post(f"/api/v1/claims/{claim.pk}/answer/", {"accept": False})
        assert answer.status_code == 404
        assert claims.judge(claim.pk)

    def test_what_they_are_asked_is_theirs_alone_to_decide(self, photo, uploader):
        """Were it granted later, for a better picture or a message that came twice, it would be gone unanswered."""
        claimant = somebody(BETWEEN)
        claim = left_open(photo, claimant)
        near = embedding_of(0) + NEAR * unit_vector(1)
        FaceCaptureFactory(user=claimant, embedding=near.astype(np.float32))
        assert not claims.judge(claim.pk)
        assert list(claims.waiting_for(uploader)) == [claim]

    def test_not_me_takes_no_question_away(self, photo, uploader):
        claimant = somebody(BETWEEN)
        claim = left_open(photo, claimant)
        enrol(claimant, 0)
        rematch(claimant.pk)
        services.match_reject(region=photo.regions.get(index=0), by=claimant)
        assert list(claims.waiting_for(uploader)) == [claim]
        claims.claim_answer(claim=claim, by=uploader, accept=True)
        rematch()
        assert owner_of(photo) is None


class TestALostMessage:
    """The broker may lose the message about a claim, or its worker may die with it: it is sent again."""

    def sweep(self, sent_tasks) -> list[tuple]:
        sent_tasks.clear()
        tasks.photos_sweep()
        return [arguments for name, arguments in sent_tasks if name.endswith("claim_judge")]

    def let_time_pass(self) -> None:
        Claim.objects.filter(judge_due__isnull=False).update(judge_due=timezone.now())

    def test_is_sent_again_until_somebody_looked(self, photo, sent_tasks):
        claim = claimed(photo, somebody(NEAR))
        assert self.sweep(sent_tasks) == [], "not before its time"
        self.let_time_pass()
        assert self.sweep(sent_tasks) == [(claim.pk,)]
        assert claims.judge(claim.pk)
        self.let_time_pass()
        assert self.sweep(sent_tasks) == []

    def test_is_not_sent_about_what_waits_for_the_uploader(self, photo, sent_tasks):
        claim = claimed(photo, somebody(BETWEEN))
        assert not claims.judge(claim.pk)
        self.let_time_pass()
        assert self.sweep(sent_tasks) == []
        assert claims.waiting_for(photo.post.author).exists()

    def test_a_mark_that_was_not_looked_at_yet_is_asked_about_again(self, photo, sent_tasks):
        claim = claimed(photo, somebody(NEAR))
        FaceRegion.objects.filter(pk=claim.region_id).update(analysis_due=timezone.now(), embedding=b"")
        assert not claims.judge(claim.pk)
        assert not claims.waiting_for(photo.post.author).exists()
        self.let_time_pass()
        assert self.sweep(sent_tasks) == [(claim.pk,)]
        FaceRegion.objects.filter(pk=claim.region_id).update(analysis_due=None)
        assert not claims.judge(claim.pk)
        assert list(claims.waiting_for(photo.post.author)) == [claim], "it is known now that it is not clear"
