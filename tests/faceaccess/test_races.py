"""A change races with renders and requests: the very next request after it shows the new state, every time.

A short run in every suite; ``make proof`` runs a thousand trials (``RACES`` sets the number), on SQLite and PostgreSQL.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test import Client

from accounts import services as people_services
from accounts.models import User
from faceaccess import renditions, services
from photos.models import Photo
from tests.faceaccess.conftest import client_of, face_of, person, pixels, posted, shows
from tests.factories import CircleFactory, befriend

pytestmark = pytest.mark.django_db(transaction=True)

TRIALS = int(os.environ.get("RACES", "56"))
RUNNERS = 2  # threads that ask for the picture all the time
SIZES = ("thumb", "feed", "full")


@dataclass
class Race:
    """One owner, one viewer, one photo; ``show`` and ``hide`` are the two sides of one kind of change."""

    photo: Photo
    viewer: User
    show: Callable[[], object]
    hide: Callable[[], object]


def by_rule() -> Race:
    owner, viewer, photo = cast("rules")
    rule = services.rule_create(owner=owner, effect="show", subject="everyone")
    switch = lambda on: services.rule_update(rule=rule, by=owner, enabled=on)  # noqa: E731
    return Race(photo, viewer, lambda: switch(True), lambda: switch(False))


def by_order_of_rules() -> Race:
    owner, viewer, photo = cast("rules")
    services.rule_create(owner=owner, effect="hide", subject="everyone")
    rule = services.rule_create(owner=owner, effect="show", subject="everyone")
    move = lambda place: services.rule_place(rule=rule, by=owner, place=place)  # noqa: E731
    return Race(photo, viewer, lambda: move(0), lambda: move(1))


def by_override() -> Race:
    owner, viewer, photo = cast("rules")
    say = lambda effect: services.override_set(region=face_of(photo, owner), by=owner, effect=effect)  # noqa: E731
    return Race(photo, viewer, lambda: say("show"), lambda: say("hide"))


def by_tag() -> Race:
    owner, viewer, photo = cast("proxy")
    region = face_of(photo, owner)
    return Race(
        photo,
        viewer,
        lambda: services.tag_create(region=region, tagger=owner, owner=owner),
        lambda: services.tag_withdraw(region=region, by=owner),
    )


def by_approval() -> Race:
    owner, viewer, photo = cast("authorization")
    region = face_of(photo, owner)
    return Race(
        photo,
        viewer,
        lambda: services.authorization_answer(region=region, by=owner, answer="approved"),
        lambda: services.authorization_clear(region=region, by=owner),
    )


def by_friendship() -> Race:
    owner, viewer, photo = cast("rules")
    services.rule_create(owner=owner, effect="show", subject="friends")

    def friends() -> None:
        people_services.friendship_request(requester=owner, addressee=viewer)
        people_services.friendship_request(requester=viewer, addressee=owner)

    return Race(photo, viewer, friends, lambda: people_services.friendship_end(one=owner, other=viewer))


def by_block() -> Race:
    owner, viewer, photo = cast("rules")
    services.rule_create(owner=owner, effect="show", subject="everyone")
    pair = {"blocker": viewer, "blocked": owner}
    return Race(
        photo,
        viewer,
        lambda: people_services.block_remove(**pair),
        lambda: people_services.block_create(**pair),
    )


def by_circle() -> Race:
    owner, viewer, photo = cast("rules")
    befriend(owner, viewer)
    circle = CircleFactory(owner=owner)
    services.rule_create(owner=owner, effect="show", subject="circle", subject_circle=circle)
    put = {"circle": circle, "by": owner, "person": viewer}
    return Race(
        photo,
        viewer,
        lambda: people_services.circle_add(**put),
        lambda: people_services.circle_remove(**put),
    )


def cast(model: str) -> tuple[User, User, Photo]:
    owner = person(0, model)
    return owner, person(), posted(person(), faces=1)


KINDS = (
    *(by_rule, by_order_of_rules, by_override, by_tag),
    *(by_approval, by_friendship, by_block, by_circle),
)


class Runners:
    """Threads that fetch the picture again and again, throw made ones away, and check what began after a change.

    ``truth`` is (number of the change, shown) while nothing is being changed, and None during a change.
    """

    def __init__(self, race: Race) -> None:
        self.race = race
        self.truth: tuple[int, bool] | None = None
        self.over = threading.Event()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        cookies = client_of(race.viewer).cookies
        self.threads = [threading.Thread(target=self._run, args=(n, cookies)) for n in range(RUNNERS)]

    def __enter__(self) -> Runners:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _run(self, number: int, cookies) -> None:
        client = Client()
        client.cookies = cookies
        try:
            for turn in itertools.count(number):
                if self.over.is_set():
                    return
                if turn % 4 == 0:
                    renditions.forget(self.race.photo.pk)
                before = self.truth
                shown = look(client, self.race.photo, SIZES[turn % 3])
                self.counts["requests"] += 1
                if before is not None and before == self.truth and shown is not None:
                    self.counts["checked"] += 1
                    if shown != before[1]:
                        self.wrong.append(f"{before} but {shown}")
        except Exception as error:
            self.wrong.append(repr(error))
        finally:
            connection.close()


def look(client: Client, photo: Photo, size: str) -> bool | None:
    """Whether the picture shows the face; None where none could be made (its file went while it was sent)."""
    response = client.get(f"/photos/{photo.pk}/image/{size}")
    if response.status_code == 503:
        return None
    assert response.status_code == 200
    return shows(pixels(response), 0, faces=1)


def next_look(client: Client, photo: Photo, size: str) -> bool:
    """A placeholder does not answer the question: it is asked again."""
    for _ in range(50):
        if (shown := look(client, photo, size)) is not None:
            return shown
    raise AssertionError("nothing but placeholders")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_next_request_after_a_change_shows_the_new_state(engine, kind):
    race = kind()
    client = client_of(race.viewer)
    trials = -(-TRIALS // len(KINDS))
    start = time.perf_counter()
    race.hide()
    with Runners(race) as runners:
        for trial in range(trials):
            shown = trial % 2 == 0
            runners.truth = None
            race.show() if shown else race.hide()
            runners.truth = trial, shown
            seen = next_look(client, race.photo, SIZES[trial % 3])
            assert seen == shown, f"trial {trial}"
        assert not runners.wrong
    seconds = round(time.perf_counter() - start, 1)
    print(
        f"\nRACES {json.dumps({'kind': kind.__name__, 'trials': trials, 'seconds': seconds} | runners.counts)}"
    )
    assert runners.counts["requests"] > 0
