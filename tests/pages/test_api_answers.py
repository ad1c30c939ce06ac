"""What the API answers is what its schema says, in JSON, whatever it is asked."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from urllib.parse import urlencode

import jsonschema
import pytest
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts import exporting
from accounts.models import CircleMembership
from tests.pages.conftest import Network

pytestmark = pytest.mark.django_db
NONSENSE = (10**30, float("1e400"), "9" * 5000, "a b", None)


@pytest.fixture(scope="module")
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture
def api(network: Network) -> APIClient:
    client = APIClient()
    client.force_authenticate(network.me)
    client.raise_request_exception = False
    return client


def filled(path: str, network: Network) -> str:
    """The path with what it names in the network."""
    posts, photos = network.photo.post_id, network.photo.pk
    things = {
        "posts": posts, "photos": photos, "faces": network.my_face.pk, "rules": network.rule.pk,
        "circles": network.circle.pk, "albums": network.album.pk, "comments": network.comment.pk,
        "friends": network.friend.username, "people": network.friend.username, "members": network.friend.username,
        "tags": "choir", "requests": network.asking.friendships_asked.get().pk,
        "memberships": CircleMembership.objects.get(circle=network.circle).pk,
        "blocks": network.blocked.username,
    }  # fmt: skip
    return re.sub(r"([a-z]+)/\{\w+\}", lambda found: f"{found[1]}/{things.get(found[1], 7)}", path)


def as_json_schema(node):
    """OpenAPI 3.0's own word for null, in JSON Schema's."""
    if isinstance(node, list):
        return [as_json_schema(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: as_json_schema(part) for key, part in node.items()}
    return {"anyOf": [node, {"type": "null"}]} if node.pop("nullable", False) else node


def test_every_get_answers_as_its_schema_says(schema, api, network):
    exporting.export_order(user=network.me)
    said = as_json_schema(schema)
    query = {"word": "hide", "change": "up", "choice": "proxy", "as": network.friend.username}
    query["face"] = network.my_face.pk
    checked, empty = 0, []
    for path, methods in said["paths"].items():
        if "get" not in methods:
            continue
        wanted = {
            p["name"]
            for p in methods["get"].get("parameters", ())
            if p["in"] == "query" and p.get("required")
        }
        address = f"{filled(path, network)}?{urlencode({name: query[name] for name in wanted})}"
        answer = api.get(address)
        assert answer.status_code == 200, (address, answer.content)
        shape = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        told = answer.json()
        try:
            jsonschema.validate(told, {**shape, "components": said["components"]})
        except jsonschema.ValidationError as error:
            pytest.fail(f"{path}: {error.message}")
        checked += 1
        if not told or (isinstance(told, dict) and told.get("results") == []):
            empty.append(path)
    assert checked > 30
    assert len(empty) < 12, f"an empty list proves little: {empty}"


def test_no_number_and_no_word_breaks_it(schema, api, network, settings):
    """Every field of every request in turn, and every parameter, with what it cannot be."""
    settings.RATE_LIMITS = {name: (10**6, seconds) for name, (_, seconds) in settings.RATE_LIMITS.items()}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_CLASSES": []}
    broken, tried = [], 0
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for address, body in requests_of(schema, path, operation, network):
                with transaction.atomic():
                    text = json.dumps(body).replace("Infinity", "1e400")
                    answer = api.generic(method.upper(), address, text, content_type="application/json")
                    transaction.set_rollback(True)
                tried += 1
                if answer.status_code >= 500 and answer.status_code != 503:
                    broken.append(f"{method} {address[:120]} {text[:120]}")
    assert broken == []
    assert tried > 500


def requests_of(schema: dict, path: str, operation: dict, network: Network):
    right = filled(path, network)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = (
        schema["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    )
    for value in NONSENSE:
        for name, shape in fields.items():
            others = {other: example(shape) for other, shape in fields.items() if other != name}
            yield right, {**others, name: [value] if shape.get("type") == "array" else value}
        for parameter in operation.get("parameters", ()):
            word = str(value)
            if parameter["in"] == "query":
                if parameter["name"] == "cursor":
                    word = b64encode(urlencode({"p": word}).encode()).decode()
                yield f"{right}?{urlencode({parameter['name']: word})}", {}
            elif word and "/" not in word:
                yield (
                    path.replace(f"{{{parameter['name']}}}", word[:2000]).replace("{", "").replace("}", ""),
                    {},
                )


def example(shape: dict) -> object:
    if "enum" in shape:
        return shape["enum"][0]
    if "allOf" in shape or "$ref" in shape or "oneOf" in shape:
        return "approved"
    return {"integer": 1, "boolean": True, "array": [1], "number": 1}.get(shape.get("type"), "word")


@pytest.mark.parametrize("address", ["/api/v1/nope/", "/api/v1/people/AB/", "/api/nope/", "/api/v1/"])
def test_an_unknown_address_is_told_in_json(address, api):
    for method in ("get", "post", "put", "delete"):
        answer = getattr(Client(enforce_csrf_checks=True), method)(address)
        assert answer.status_code == 404
        assert "end with a slash" in answer.json()["detail"]


def test_a_body_is_never_lost_on_the_way_to_the_last_slash(api, db):
    answer = api.post("/api/v1/circles", {"name": "Kin"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    answer = api.get("/api/v1/people?q=a")
    assert (answer.status_code, answer["Location"]) == (301, "/api/v1/people/?q=a")


@pytest.mark.parametrize(
    "address", ["/api/v1/people/%00/", "/api/v1/albums/?owner=%00", "/people/a%00b/", "/?before=%00"]
)
def test_no_address_holds_a_null_character(client: Client, address: str):
    assert client.get(address).status_code == 400


@pytest.mark.parametrize(
    ("address", "kind"), [("/api/v1/circles/", "application/json"), ("/circles/", "text/html")]
)
def test_what_breaks_is_told_in_json_to_programs_and_on_a_page_to_people(network, monkeypatch, address, kind):
    client = Client(raise_request_exception=False)
    client.force_login(network.me)
    assert client.get(address).status_code == 200
    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", lambda self: 1 / 0)
    answer = client.get(address)
    assert answer.status_code == 500
    assert answer["Content-Type"].startswith(kind)
    assert b"broke on our side" in answer.content
    if kind == "application/json":
        assert set(answer.json()) == {"detail"}
