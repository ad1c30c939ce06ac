"""Every form of every page, filled with what no person types: refused or taken, but never an error of ours (5xx)."""

from __future__ import annotations

import random
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts import moderation
from tests.faceaccess.conftest import client_of, engine, person  # noqa: F401  a fixture, and a helper
from tests.faceaccess.engine import group_photo
from tests.factories import file_bytes
from tests.pages.conftest import Network
from tests.pages.crawler import Crawl, Form

pytestmark = pytest.mark.django_db

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)")
WORDS = (
    "",
    " ",
    "0",
    "-1",
    "999999999999999999999999",
    "1e400",
    "nan",
    "on",
    "null",
    "A" * 70_000,
    "a\x00b",
    "\ud7ff\uffff\u202e\u200b",
    "🙂" * 500,
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "../../etc/passwd",
    "%s%n{{ 7*7 }}{% load x %}",
    "@" * 300 + "#" * 300,
    "//evil.example/",
    str(uuid.UUID(int=7)),
    "person:x",
    "circle:999999",
    "person:-1",
)
FILES = (
    lambda: SimpleUploadedFile("x.png", b""),
    lambda: SimpleUploadedFile("../../x.jpg\x00", b"\xff\xd8\xff\xe0 no picture"),
    lambda: SimpleUploadedFile("x" * 300 + ".png", file_bytes(group_photo(1))[:-40]),
    lambda: SimpleUploadedFile("ok.png", file_bytes(group_photo(1))),
)
QUERIES = (
    "before",
    "as",
    "q",
    "of",
    "photo",
    "person",
    "replace",
    "comments",
    "page",
    "next",
    "then",
    "model",
)
SEED = 20_260  # of all the nonsense below: a failure is the same at the next run


def post(client: Client, form: Form, action: str, data: dict[str, object]) -> int:
    """What the site answers; whatever it did is undone."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        status = getattr(client, form.method)(action, data).status_code
        transaction.set_rollback(True)
    client.cookies = cookies  # a form may have signed out
    return status


def nonsense(form: Form, chance: random.Random) -> dict[str, object]:
    """All fields filled at random; now and then one is left out, sent twice, or keeps the value of the page."""
    data: dict[str, object] = {}
    for name, value in form.fields:
        match chance.randrange(6):
            case 0:
                continue
            case 1:
                data[name] = value
            case 2:
                data[name] = [chance.choice(WORDS), chance.choice(WORDS)]
            case _:
                data[name] = chance.choice(WORDS)
    return data | {name: chance.choice(FILES)() for name in form.files if form.method == "post"}


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "²"])
def test_numbers_that_no_row_can_have_are_those_of_nothing(network: Network, number):
    """SQLite takes none beyond 64 bits, and Python reads none of 4300 digits: neither is an error of ours."""
    rule, circle = network.rule.pk, network.circle.pk
    posts = [
        ("inbox-answer", [], {"face": number, "answer": "denied"}),
        ("inbox-preview", [], {"face": number, "answer": "denied"}),
        ("rule-place", [rule], {"place": number}),
        ("circle-remove", [circle], {"membership": number}),
    ]
    gets = [
        ("rule-preview", [rule], {"change": "place", "place": number}),
        ("face-rules", [], {"as": network.friend.username, "face": number}),
        ("face-enrol", [], {"replace": number}),
        ("face-history", [], {"page": number}),
        ("who-could-see", [], {"page": number}),
        ("feed", [], {"before": f"{number}-{network.photo.pk}"}),
    ]
    client = client_of(network.me)
    answers = [client.post(reverse(name, args=given), data).status_code for name, given, data in posts]
    assert answers == [302, 302, 302, 404]
    answers = [client.get(reverse(name, args=given), data).status_code for name, given, data in gets]
    assert answers == [404, 200, 200, 200, 200, 200]
    if number.isascii():
        picture = reverse("photo-image", args=[network.photo.pk, "thumb"])
        assert client.get(picture, headers={"Range": f"bytes={number}-"}).status_code in (200, 416)


@pytest.fixture
def clients(network: Network) -> dict[str, Client]:
    moderation.report_create(reporter=network.me, kind="photo", target=str(network.theirs.pk), reason="other")
    people = {"nobody": None, "me": network.me, "staff": person(is_staff=True)}
    return {name: client_of(viewer) for name, viewer in people.items()}


def test_no_form_and_no_address_breaks_whatever_is_sent(clients, settings):
    settings.RATE_LIMITS = {
        name: (10**6, seconds) for name, (_times, seconds) in settings.RATE_LIMITS.items()
    }
    chance = random.Random(SEED)
    tried, answers, broken = 0, set(), []
    for name, client in clients.items():
        client.raise_request_exception = False
        crawl = Crawl(client).run()
        for form in crawl.forms.values():
            attempts = [
                (form.action, dict(form.fields)),
                *((form.action, nonsense(form, chance)) for _ in range(3)),
            ]
            if ID.search(form.action):
                wrong = (str(uuid.uuid4()), "9" * 30, "0")
                attempts += [(ID.sub(pk, form.action), dict(form.fields)) for pk in wrong]
            for action, data in attempts:
                status = post(client, form, action, data)
                tried += 1
                answers.add(status)
                if status >= 500 and status != 503:
                    broken.append(f"{status} {name} {form.method} {action} {str(data)[:300]}")
        for address in crawl.pages:
            query = {key: chance.choice(WORDS)[:2000] for key in chance.sample(QUERIES, 6)}
            status = client.get(address.partition("?")[0], query).status_code
            tried += 1
            if status >= 500:
                broken.append(f"{status} {name} get {address} {str(query)[:300]}")
    assert broken == []
    assert tried > 400, "the forms were not found"
    assert {200, 302, 404, 422} <= answers, "all kinds of answers came about"
