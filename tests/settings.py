"""The site's settings in a throw-away folder, with nothing sent anywhere. ``TEST_DATABASE_URL`` picks a database."""

import atexit
import os
import shutil
import tempfile

# Before numpy and torch come in. A process a core runs the suite: threads of one that wait for another's, turning round
# meanwhile, can double the time of what multiplies matrices.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before the import: the settings make folders and secrets under MFMC_VAR as they load.
os.environ["MFMC_VAR"] = tempfile.mkdtemp(prefix="mfmc-tests-")
atexit.register(shutil.rmtree, os.environ["MFMC_VAR"], ignore_errors=True)
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from socialnet.settings import *  # noqa: E402, F403
from socialnet.settings import DATABASES, STATIC_ROOT, VAR_DIR  # noqa: E402
from socialnet.settings import STORAGES as SITE_STORAGES  # noqa: E402

STATIC_ROOT.mkdir(exist_ok=True)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file as in real use: the in-memory database Django would take knows no WAL and no second connection.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}

SECRET_KEY = "only-for-tests"
FACE_SECRET = "only-for-tests-either"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"  # a queue nobody reads: tests that want a task's effect call what it calls
CELERY_BROKER_TRANSPORT_OPTIONS = {}
ENGINE_THREADS = 1  # a suite beside other work: two threads that wait for each other are slower than one
STORAGES = {
    **SITE_STORAGES,
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    },  # needs no collectstatic
}
