"""The site says at its start what its model pack lacks."""

import subprocess
import sys
from dataclasses import replace
from typing import get_args

import pytest
from django.apps import apps

from accounts.models import PACK_LENGTH
from faceaccess import decoys
from faceaccess.checks import pack_is_usable
from faceaccess.models import Decoy
from mfmc_engine import packs
from mfmc_engine.packs import RECIPES, catalogue, recipe, store
from mfmc_engine.recognition import space


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MFMC_WEIGHTS", str(tmp_path / "weights"))


def test_the_builtin_pack_has_everything(settings):
    settings.ENGINE_PACK = "builtin"
    assert pack_is_usable(None) == []


def test_an_unknown_pack_is_an_error(settings):
    settings.ENGINE_PACK = "nonsense"
    (message,) = pack_is_usable(None)
    assert message.id == "faceaccess.E001"
    assert message.is_serious()


def test_missing_weights_are_named_with_the_command(settings):
    settings.ENGINE_PACK = "builtin+recognizer=buffalo_s"
    message, unmeasured = pack_is_usable(None)
    assert (message.id, unmeasured.id) == ("faceaccess.W001", "faceaccess.W004")
    assert "lacks w600k_mbf.onnx: new" in message.msg, "and nothing that only comes with it"
    assert message.hint == "python -m mfmc_engine packs download buffalo_s"


def test_research_weights_are_said_to_be_that(settings, tmp_path, monkeypatch):
    settings.ENGINE_PACK = "builtin+recognizer=buffalo_s"
    small = replace(
        catalogue.BUFFALO_S, weights=tuple(replace(w, size=3) for w in catalogue.BUFFALO_S.weights)
    )
    monkeypatch.setitem(catalogue.SOURCES, "buffalo_s", small)
    for weights in small.weights:
        path = store.root() / "buffalo_s" / weights.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"abc")
    message, _ = pack_is_usable(None)
    assert message.id == "faceaccess.W002"
    assert "not accepted on this machine" in message.msg
    store.accept(small)
    message, _ = pack_is_usable(None)
    assert "not accepted" not in message.msg


def test_thresholds_are_assumed_until_somebody_measures_them(settings):
    settings.ENGINE_PACK = "builtin+recognizer=buffalo_s"
    unmeasured = pack_is_usable(None)[-1]
    assert unmeasured.id == "faceaccess.W004"
    assert unmeasured.hint.startswith(
        "python -m mfmc_engine packs calibrate builtin+recognizer=buffalo_s FOLDER --write"
    )
    path = space.keep("buffalo_s", replace(space.ARCFACE, name="buffalo_s"))
    assert [message.id for message in pack_is_usable(None)] == ["faceaccess.W001"]
    path.write_text("{}")
    broken = pack_is_usable(None)[-1]
    assert broken.id == "faceaccess.E003"
    assert broken.is_serious()
    assert "measure them again: python -m mfmc_engine packs calibrate buffalo_s" in broken.msg


def test_the_longest_mix_of_parts_fits_wherever_a_packs_name_is_kept(settings):
    longest = max((*RECIPES, "insightface"), key=len)
    for task in get_args(catalogue.Task):
        longest += f"+{task}={max(packs._sources_of(task), key=len)}"
    assert recipe(longest)
    assert len(longest) <= PACK_LENGTH
    kept = [
        field
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name in ("pack", "failed_pack")
    ]
    assert len(kept) >= 7
    assert {field.max_length for field in kept} == {PACK_LENGTH}
    settings.ENGINE_PACK = longest
    assert "faceaccess.E002" not in {message.id for message in pack_is_usable(None)}
    assert len(decoys.engine_version()) <= Decoy._meta.get_field("engine_version").max_length
    settings.ENGINE_PACK = longest + "+swapper=mesh" * 10
    assert "faceaccess.E002" in {message.id for message in pack_is_usable(None)}


def test_the_check_does_not_load_the_networks():
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "import django, sys; django.setup();"
        "from django.core.checks import run_checks; run_checks();"
        "print([name for name in ('torch', 'dlib', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
