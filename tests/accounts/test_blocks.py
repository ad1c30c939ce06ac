"""One's list of blocks: under the names of then, whatever the people are called, do or become since."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse

from accounts import exporting, services
from accounts.models import Block, Report, User
from tests.faceaccess.conftest import client_of, person

pytestmark = pytest.mark.django_db

BEFORE = {"username": "tess.before", "display_name": "Tess Before", "bio": "Lives in Bergen"}
AFTER = {"username": "tess.after", "display_name": "Tess After", "bio": "Lives in Lyon"}
BLOCKS, REPORTS = "/api/v1/blocks/", "/api/v1/reports/"


@pytest.fixture
def mara() -> User:
    return person(username="mara")


@pytest.fixture
def tess(mara) -> User:
    """Blocked by Mara, and called otherwise since."""
    tess = person(**BEFORE)
    services.block_create(blocker=mara, blocked=tess)
    return services.profile_update(user=tess, by=tess, **AFTER)


def block_back(mara: User, tess: User) -> None:
    services.block_create(blocker=tess, blocked=mara)


def close(mara: User, tess: User) -> None:
    User.objects.filter(pk=tess.pk).update(is_active=False)


def nothing(mara: User, tess: User) -> None:
    """They only changed their profile."""


SINCE = (nothing, block_back, close)


@pytest.mark.parametrize("since", SINCE)
def test_the_list_stays_as_it_was_when_they_were_blocked(mara, tess, since) -> None:
    User.objects.filter(pk=tess.pk).update(avatar="00000000-0000-4000-8000-000000000000")
    since(mara, tess)
    (listed,) = client_of(mara).get(BLOCKS).json()
    block = Block.objects.get(blocker=mara)
    assert listed.keys() == {"id", "handle", "name", "created_at"}
    assert (listed["id"], listed["handle"], listed["name"]) == (block.pk, "tess.before", "Tess Before")
    page = client_of(mara).get(reverse("settings")).content.decode()
    assert "Tess Before" in page
    assert "@tess.before" in page
    assert exporting.PARTS["you"].data(mara)["blocked"] == ["tess.before"]
    assert not [words for words in AFTER.values() if words in page]


def test_who_has_no_name_is_listed_by_the_handle(mara) -> None:
    block = services.block_create(blocker=mara, blocked=person(username="theo", display_name=""))
    assert (block.handle, block.name) == ("theo", "theo")


@pytest.mark.parametrize("since", SINCE)
@pytest.mark.parametrize("way", ["page", "API"])
def test_they_are_unblocked_under_any_name(mara, tess, since, way) -> None:
    since(mara, tess)
    block, stranger = Block.objects.get(blocker=mara), person()
    send = {
        "page": lambda user: client_of(user).post(reverse("unblock", args=[block.pk]), follow=True),
        "API": lambda user: client_of(user).delete(f"{BLOCKS}{block.pk}/"),
    }[way]
    for other in (stranger, tess) if since is not close else (stranger,):
        assert send(other).status_code == 404, "it is not theirs"
    answer = send(mara).content.decode()
    assert not [words for words in AFTER.values() if words in answer]
    assert not mara.blocks_made.exists()
    assert send(mara).status_code == 404


def test_a_block_is_taken_back_by_its_id_and_by_no_handle(mara, tess) -> None:
    for handle in ("tess.before", "tess.after"):
        assert client_of(mara).delete(f"{BLOCKS}{handle}/").status_code == 404
    assert mara.blocks_made.exists()


# --- reporting whom one blocked ---


def report_by_api(user: User, target: str) -> int:
    return client_of(user).post(REPORTS, {"kind": "person", "target": target, "reason": "other"}).status_code


@pytest.mark.parametrize("since", SINCE)
def test_they_are_reported_by_the_handle_of_then_and_not_found_by_that_of_now(mara, tess, since) -> None:
    since(mara, tess)
    assert report_by_api(mara, "tess.before") == 204
    assert Report.objects.get().about == tess
    assert report_by_api(mara, "tess.after") == report_by_api(mara, "nobody.at.all") == 404
    assert report_by_api(person(), "tess.before") == 404


def test_a_handle_that_another_took_is_the_others(mara, tess) -> None:
    newcomer = person(username="tess.before", email="newcomer@mail.example")
    assert report_by_api(mara, "tess.before") == 204
    assert Report.objects.get().about == newcomer
    assert report_by_api(newcomer, "tess.after") == 204, "who blocked nobody knows them by that of now"


@pytest.mark.parametrize("since", SINCE)
def test_the_page_that_reports_them_calls_them_as_the_list_does(mara, tess, since) -> None:
    since(mara, tess)
    address = reverse("report", args=["person", tess.pk])
    page = client_of(mara).get(address).content.decode()
    assert "Report Tess Before" in page
    assert not [words for words in AFTER.values() if words in page]
    client_of(mara).post(address, {"reason": "harassment"})
    assert Report.objects.get().about == tess


def test_everybody_else_is_told_the_present_name(mara, tess) -> None:
    page = client_of(person()).get(reverse("report", args=["person", tess.pk])).content.decode()
    assert "Report Tess After" in page
    assert client_of(tess).get(reverse("report", args=["person", mara.pk])).status_code == 404


# --- from before ---


def test_blocks_from_before_keep_the_names_of_the_day_this_came(mara, tess) -> None:
    nameless = person(username="nameless", display_name="")
    services.block_create(blocker=mara, blocked=nameless)
    Block.objects.update(handle="", name="")
    import_module("accounts.migrations.0007_blocks_keep_names").fill(apps, None)
    kept = set(mara.blocks_made.values_list("handle", "name"))
    assert kept == {("tess.after", "Tess After"), ("nameless", "nameless")}
