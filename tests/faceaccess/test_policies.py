"""The three access models, line by line."""

from __future__ import annotations

import pytest

from faceaccess.policies import Decision, FaceFacts, Model, Person, Reason, RuleFact, TagFact, decide

OWNER, VIEWER, UPLOADER = 1, 2, 3
CIRCLE = 70
STRANGER, AUTHOR = Person(VIEWER), Person(UPLOADER)


def face(model: Model, **facts: object) -> FaceFacts:
    facts = {"owner_id": OWNER, "uploader": Person(UPLOADER), "ready": True} | facts
    return FaceFacts(model=model, **facts)


def rule(
    show: bool = True, subject: str = "everyone", subject_id=None, uploader="anyone", uploader_id=None, id=9
):
    return RuleFact(id, show, subject, subject_id, uploader, uploader_id)


def disclosed(model: Model) -> FaceFacts:
    """A face everybody sees under its model."""
    return face(model, tag=TagFact(False, True, False), answer=True, rules=(rule(),))


@pytest.mark.parametrize("model", Model)
class TestWhatAllModelsShare:
    def test_everybody_sees_a_disclosed_face(self, model):
        assert decide(disclosed(model), Person(None)).shown

    def test_one_always_sees_ones_own_face(self, model):
        assert decide(face(model), Person(OWNER)) == Decision(True, Reason.OWN_FACE)

    def test_a_block_hides_a_disclosed_face(self, model):
        blocked = Person(VIEWER, is_friend=True, blocked=True)
        assert decide(disclosed(model), blocked) == Decision(False, Reason.BLOCKED)

    def test_silence_hides_from_the_closest_friend(self, model):
        close = Person(VIEWER, is_friend=True, is_friend_of_friend=True, circles={CIRCLE})
        assert not decide(face(model), close).shown

    def test_the_uploader_has_no_right_of_their_own(self, model):
        assert not decide(face(model), Person(UPLOADER, is_friend=True)).shown

    def test_a_face_without_owner_is_hidden_whatever_was_said(self, model):
        nobody = FaceFacts(
            None, model, Person(UPLOADER), True, TagFact(False, True, True), True, True, (rule(),)
        )
        assert decide(nobody, Person(VIEWER)) == Decision(False, Reason.NOT_MATCHED)
        assert not decide(nobody, Person(None)).shown

    def test_an_unfinished_photo_shows_nobody_not_even_oneself(self, model):
        unfinished = face(model, ready=False, tag=TagFact(False, True, False), answer=True, rules=(rule(),))
        assert decide(unfinished, Person(OWNER)) == Decision(False, Reason.NOT_READY)


class TestByProxy:
    @pytest.mark.parametrize(
        ("tag", "decision"),
        [
            (None, Decision(False, Reason.NOT_TAGGED)),
            (TagFact(False, True, False), Decision(True, Reason.TAGGED)),
            (TagFact(False, False, True), Decision(True, Reason.TAGGED)),
            (TagFact(True, True, False), Decision(False, Reason.TAG_WITHDRAWN)),
            (TagFact(True, False, True), Decision(False, Reason.TAG_WITHDRAWN)),
            (TagFact(False, False, False), Decision(False, Reason.TAGGER_MAY_NOT_SPEAK)),
        ],
    )
    def test_a_tag_shows_only_while_it_stands_and_its_tagger_may_speak(self, tag, decision):
        assert decide(face(Model.PROXY, tag=tag), Person(VIEWER)) == decision

    def test_approvals_and_rules_mean_nothing_here(self):
        assert not decide(
            face(Model.PROXY, answer=True, override=True, rules=(rule(),)), Person(VIEWER)
        ).shown


class TestByAuthorization:
    @pytest.mark.parametrize(
        ("answer", "decision"),
        [
            (None, Decision(False, Reason.NOT_ANSWERED)),
            (True, Decision(True, Reason.APPROVED)),
            (False, Decision(False, Reason.DENIED)),
        ],
    )
    def test_only_an_approval_shows(self, answer, decision):
        assert decide(face(Model.AUTHORIZATION, answer=answer), Person(VIEWER)) == decision

    def test_tags_and_rules_mean_nothing_here(self):
        said = face(Model.AUTHORIZATION, tag=TagFact(False, True, True), override=True, rules=(rule(),))
        assert not decide(said, Person(VIEWER)).shown


class TestByRules:
    def decide(self, *rules: RuleFact, viewer: Person = STRANGER, uploader: Person = AUTHOR) -> Decision:
        return decide(face(Model.RULES, rules=rules, uploader=uploader), viewer)

    def test_the_first_matching_rule_decides_and_is_named(self):
        hide = rule(show=False, subject="person", subject_id=VIEWER, id=1)
        assert self.decide(hide, rule(id=2)) == Decision(False, Reason.RULE, 1)
        assert self.decide(rule(id=2), hide) == Decision(True, Reason.RULE, 2)
        assert self.decide(hide, rule(id=2), viewer=Person(99)) == Decision(True, Reason.RULE, 2)

    def test_no_matching_rule_hides(self):
        assert self.decide(rule(subject="friends")) == Decision(False, Reason.NO_RULE)

    @pytest.mark.parametrize(
        ("subject", "fits", "does_not"),
        [
            ("friends", Person(VIEWER, is_friend=True), Person(VIEWER, is_friend_of_friend=True)),
            ("friends_of_friends", Person(VIEWER, is_friend_of_friend=True), Person(VIEWER)),
            ("friends_of_friends", Person(VIEWER, is_friend=True), Person(None)),
            (
                "circle",
                Person(VIEWER, is_friend=True, circles={CIRCLE}),
                Person(VIEWER, is_friend=True, circles={71}),
            ),
            ("circle", Person(VIEWER, is_friend=True, circles={CIRCLE}), Person(VIEWER, circles={CIRCLE})),
            ("person", Person(CIRCLE), Person(VIEWER, circles={CIRCLE})),
        ],
    )
    def test_subjects(self, subject, fits, does_not):
        only = rule(subject=subject, subject_id=CIRCLE)
        assert self.decide(only, viewer=fits).shown
        assert not self.decide(only, viewer=does_not).shown

    def test_who_ends_the_friendship_does_not_escape_a_circle_that_is_hidden_from(self):
        hidden = rule(show=False, subject="circle", subject_id=CIRCLE)
        no_friend_any_more = Person(VIEWER, circles={CIRCLE})
        assert not self.decide(hidden, rule(), viewer=no_friend_any_more).shown
        assert self.decide(hidden, rule(), viewer=Person(VIEWER)).shown

    @pytest.mark.parametrize(
        ("uploader", "fits", "does_not"),
        [
            ("me", Person(OWNER), Person(UPLOADER, is_friend=True)),
            ("friends", Person(UPLOADER, is_friend=True), Person(UPLOADER)),
            ("circle", Person(UPLOADER, is_friend=True, circles={CIRCLE}), Person(UPLOADER, is_friend=True)),
            ("person", Person(CIRCLE), Person(UPLOADER)),
        ],
    )
    def test_conditions_on_the_uploader(self, uploader, fits, does_not):
        only = rule(uploader=uploader, uploader_id=CIRCLE)
        assert self.decide(only, uploader=fits).shown
        assert not self.decide(only, uploader=does_not).shown

    def test_an_override_beats_the_rules_both_ways(self):
        hidden = face(Model.RULES, override=False, rules=(rule(),))
        shown = face(Model.RULES, override=True, rules=(rule(show=False),))
        assert decide(hidden, Person(VIEWER)) == Decision(False, Reason.OVERRIDE)
        assert decide(shown, Person(VIEWER)) == Decision(True, Reason.OVERRIDE)

    @pytest.mark.parametrize("part", ["subject", "uploader"])
    def test_a_condition_from_the_future_never_discloses(self, part):
        unknown = {part: "people_born_in_may"}
        assert not self.decide(rule(**unknown)).shown
        assert not self.decide(rule(show=False, **unknown), rule(id=2)).shown
