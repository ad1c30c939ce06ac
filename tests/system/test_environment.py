"""A mistyped variable stops everything at its start, with one line that names it."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from faceaccess.checks import pictures_can_be_signed
from faceaccess.models import AccessModel
from mfmc_engine.batching.launching import LAUNCHES
from mfmc_engine.packs.pack import PRECISIONS
from socialnet import settings as site
from socialnet.checks import static_files_are_collected

ROOT = Path(site.__file__).resolve().parents[1]
MISTYPED = [
    ("FACE_PINNED_MODEL", "Proxy", "proxy, authorization, rules"),
    ("FACE_DEFAULT_MODEL", "approval", "proxy, authorization, rules"),
    ("FACE_INDEX", "faiss", "exact, pgvector"),
    ("FACE_INDEX", "pgvector", "PostgreSQL"),
    ("ENGINE_DEVICE", "tpu", "cpu, cuda, cuda:1 or auto"),
    ("ENGINE_THREADS", "0", "1 or more"),
    ("ENGINE_THREADS", "two", "a whole number"),
    ("ENGINE_PRECISION", "int8", "float32, bfloat16, float16"),
    ("ENGINE_LAUNCH", "x", "eager, graphs, compile"),
    ("ENGINE_BATCH", "maybe", "auto, on, off"),
    ("ENGINE_BATCH_WAIT_MS", "nan", "a number"),
    ("API_RATE", "lots", "a number/s"),
    ("API_RATE", "0/min", "a number/s"),
    ("C2PA_CERTIFICATE", "/nope.pem", "a file that can be read"),
    ("PHOTOS_PER_POST", "0", "1 or more"),
    ("TRUSTED_PROXIES", "-1", "0 or more"),
    ("HTTPS", "maybe", "true or false"),
    ("DEBUG", "maybe", "true or false"),
    ("LOG_LEVEL", "loud", "DEBUG, INFO"),
    ("EMAIL_VERIFICATION", "always", "mandatory, optional, none"),
    ("SITE_ADDRESS", "example.org", "http://"),
    ("DATABASE_URL", "garbage", "an address"),
    ("DATABASE_URL", "postgress://u:secret@host/name", "an address"),
    ("CACHE_URL", "garbage", "an address"),
    ("EMAIL_URL", "garbage", "an address"),
    ("CELERY_BROKER_URL", "garbage", "an address"),
]


def settings_with(monkeypatch, **variables: str) -> dict[str, object]:
    """The site's settings as they are read from the environment with these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "socialnet" / "settings.py"))


@pytest.mark.parametrize(("name", "value", "allowed"), MISTYPED)
def test_what_cannot_be_meant_is_refused_in_one_line(monkeypatch, name, value, allowed):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ImproperlyConfigured) as refused:
        settings_with(monkeypatch, **{name: value})
    text = str(refused.value)
    assert text.startswith(name)
    assert allowed in text
    assert "\n" not in text
    assert "secret" not in text


def test_what_can_be_meant_is_taken(monkeypatch):
    read = settings_with(
        monkeypatch,
        HTTPS="On", TRUSTED_PROXIES="2", ENGINE_DEVICE="cuda:1", API_RATE="5/s", FACE_PINNED_MODEL="rules",
        DATABASE_URL="postgres://u:p@host:5432/name", CACHE_URL="redis://host:6379/1",
        EMAIL_URL="smtp://u:p@host:587", EMAIL_FROM="faces@example.org", CELERY_BROKER_URL="redis://host:6379/0",
    )  # fmt: skip
    assert read["SESSION_COOKIE_SECURE"]
    assert read["ALLAUTH_TRUSTED_PROXY_COUNT"] == read["REST_FRAMEWORK"]["NUM_PROXIES"] == 2
    assert read["FACE_PINNED_MODEL"] == "rules"
    assert read["DATABASES"]["default"]["HOST"] == "host"
    assert read["EMAIL_HOST"] == "host"
    assert read["DEFAULT_FROM_EMAIL"] == "faces@example.org"


def test_the_words_are_those_of_the_code_that_takes_them():
    """The settings cannot import it: models need settings, and torch is loaded by workers alone."""
    allowed = {name: words.split(", ") for name, _, words in MISTYPED}
    assert allowed["FACE_DEFAULT_MODEL"] == AccessModel.values
    assert allowed["ENGINE_LAUNCH"] == list(LAUNCHES)
    assert allowed["ENGINE_PRECISION"] == list(PRECISIONS)


@pytest.mark.parametrize(
    "command",
    [["manage.py", "check"], ["-m", "celery", "-A", "socialnet", "worker"], ["-m", "socialnet.wsgi"]],
)
def test_no_process_starts(command):
    environment = {**os.environ, "FACE_INDEX": "faiss", "DJANGO_SETTINGS_MODULE": "socialnet.settings"}
    ran = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode != 0
    assert (
        ran.stderr.strip().splitlines()[-1].endswith("FACE_INDEX takes one of exact, pgvector, not 'faiss'.")
    )


def test_a_certificate_that_cannot_sign_is_an_error(settings):
    assert pictures_can_be_signed(None) == []
    settings.C2PA_CERTIFICATE = settings.C2PA_KEY = str(ROOT / "README.md")
    (message,) = pictures_can_be_signed(None)
    assert message.is_serious()
    assert "C2PA_CERTIFICATE" in message.msg


def test_static_files_that_nobody_collected_are_a_warning(settings, tmp_path):
    assert static_files_are_collected(None) == []
    settings.STORAGES = site.STORAGES
    settings.STATIC_ROOT = tmp_path
    (message,) = static_files_are_collected(None)
    assert "collectstatic" in message.hint
    (tmp_path / "staticfiles.json").write_text('{"version": "1.1", "paths": {}, "hash": ""}')
    assert static_files_are_collected(None) == []
