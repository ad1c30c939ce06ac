"""Settings, 12-factor: every deployment difference is an environment variable (see docs/configuration.md).

Without any variable set the project runs embedded: SQLite in WAL mode, Celery on a folder as its broker, files
under ``var/``. Nothing in the code asks which of the two it is running on.
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES
from whitenoise.compress import Compressor

from socialnet.environment import Environment
from socialnet.folders import own_folder

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
Environment.read_env(BASE_DIR / ".env")

VAR_DIR = own_folder(Path(env("MFMC_VAR", default=str(BASE_DIR / "var"))).resolve())


def _own_secret(name: str) -> str:
    """A secret made on the first start and kept under var/, so that an embedded install never ships a known one."""
    path = VAR_DIR / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.write_text(secrets.token_urlsafe(48))
        fresh.chmod(0o600)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)  # atomic: of two processes starting at once, one wins
        fresh.unlink()
    return path.read_text()


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="") or _own_secret("django")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Keys the faces themselves: templates at rest, and the draw of decoys. Losing it loses the templates.
FACE_SECRET = env("FACE_SECRET", default="") or _own_secret("faces")
FACE_SECRETS_OLD = env.list("FACE_SECRETS_OLD", default=[])  # still open templates: manage.py rotate_face_key
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# How many proxies stand in front, each adding to X-Forwarded-For the address it was asked from: the client's is that
# many entries from the end. Too few, and everybody shares one address and its limits; too many, and clients choose
# theirs. Read by allauth and, through socialnet.limits.client_address, by axes and us; the API's throttles below.
TRUSTED_PROXIES = ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0, least=0)

INSTALLED_APPS = [
    "accounts",
    "photos",
    "community",
    "faceaccess",
    "socialnet.apps.StaffConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "django_htmx",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "socialnet",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "socialnet.middleware.NullsRefusedMiddleware",
    "socialnet.middleware.FreshPagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "socialnet.middleware.SignedOutMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "socialnet.middleware.PermissionsPolicyMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "socialnet.urls"
WSGI_APPLICATION = "socialnet.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "socialnet.context_processors.shell",
            ],
        },
    },
]

# --- data ---
DATABASES = {"default": env.address("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}", "db")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets readers go on while the worker writes; IMMEDIATE takes the write lock at BEGIN, so that a
    # transaction waits for it instead of failing half way.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Kept open by SQLite too: a new connection parses every statement again, which is most of what a picture costs.
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60, least=0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": env.address("CACHE_URL", "", "cache")
    or {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR_DIR / "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},  # beyond it, any third of them is forgotten: counts of tries too
    }
}

# Originals and decoys live outside anything a web server serves; only the image gate reads them.
PRIVATE_ROOT = VAR_DIR / "private"
RENDITION_ROOT = VAR_DIR / "renditions"
RENDITION_CACHE_BYTES = env.int("RENDITION_CACHE_BYTES", default=2 * 2**30, least=0)
# Content credentials in pictures with replaced faces: PEM files (the site's certificate, then its issuers').
C2PA_CERTIFICATE = env.file("C2PA_CERTIFICATE")
C2PA_KEY = env.file("C2PA_KEY")
C2PA_ALGORITHM = env.choice(
    "C2PA_ALGORITHM", "es256", ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
)
if C2PA_CERTIFICATE and not C2PA_KEY:
    raise ImproperlyConfigured("C2PA_CERTIFICATE is set, and C2PA_KEY, the file of its key, is not.")
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": PRIVATE_ROOT,
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# maps are large, and for debuggers alone
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "socialnet" / "assets"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_TEMP_DIR = VAR_DIR / "incoming"  # never the machine's shared temp folder
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True, mode=0o700)
PHOTO_MAX_BYTES = env.int("PHOTO_MAX_BYTES", default=30 * 2**20)
PHOTO_MAX_SIDE = env.int("PHOTO_MAX_SIDE", default=4096)  # px, longest side of a stored original
CAPTURES_PER_PERSON = env.int("CAPTURES_PER_PERSON", default=8)
TRY_MAX_BYTES = env.int("TRY_MAX_BYTES", default=12 * 2**20)  # on the page without an account; in memory
PHOTOS_PER_POST = env.int("PHOTOS_PER_POST", default=10)

# --- background work ---
CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="filesystem://")
if CELERY_BROKER_URL.partition("://")[0] not in TRANSPORT_ALIASES:
    raise ImproperlyConfigured(
        "CELERY_BROKER_URL takes an address such as redis://host:6379/0, and this is none."
    )
if CELERY_BROKER_URL.startswith("filesystem:"):
    _queue = VAR_DIR / "queue"
    for _folder in ("messages", "control"):
        own_folder(own_folder(_queue) / _folder)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
    }
CELERY_TASK_IGNORE_RESULT = True  # results would be one more place where face data rests
CELERY_TASK_ACKS_LATE = True  # a task survives the death of its worker
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "mfmc"
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    # Nobody needs two sweeps: one that was not run before the next is due is dropped.
    "photos-sweep": {"task": "faceaccess.tasks.photos_sweep", "schedule": 15.0, "options": {"expires": 15}},
    "exports-sweep": {"task": "accounts.tasks.exports_sweep", "schedule": 600.0, "options": {"expires": 600}},
    "traces-sweep": {
        "task": "accounts.tasks.traces_sweep",
        "schedule": 86_400.0,
        "options": {"expires": 86_400},
    },
    "signups-sweep": {"task": "accounts.tasks.signups_sweep", "schedule": 600.0, "options": {"expires": 600}},
    "files-sweep": {"task": "faceaccess.tasks.files_sweep", "schedule": 3600.0, "options": {"expires": 3600}},
    "reminders": {
        "task": "faceaccess.tasks.reminders_send",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "exposures": {
        "task": "faceaccess.tasks.exposures_keep",
        "schedule": 86_400.0,
        "options": {"expires": 86_400},
    },
    "notifications-prune": {"task": "community.tasks.notifications_prune", "schedule": 86_400.0},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")

# --- people ---
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: counts failures before anyone is let in
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_BLACKLIST = ["admin", "administrator", "moderator", "root", "staff", "support", "system"]
# allauth's other limits stay at their defaults; wrong passwords of one name are counted by axes, below. "key" is
# the name tried, or the person whose second factor is.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,40/h/key"}
# What one person may do how often: (times, seconds). Counted in socialnet/limits.py, for pages and API together.
RATE_LIMITS = {
    "people_search": (60, 60),
    "friend_request": (60, 3600),
    "report": (20, 3600),
    "upload": (60, 3600),
    "frame_check": (60, 60),
    "enrol": (env.int("ENROLMENTS_PER_HOUR", default=30), 3600),  # pictures
    "account_delete": (10, 3600),
    "export": (6, 86400),
    "profile": (30, 3600),
    "comment": (60, 600),
    "try": (12, 600),  # of one network address
    "reaction": (300, 600),
    "mark": (60, 3600),  # a face by hand: the photo is worked on anew
    "naming": (120, 3600),  # whose a face is: tags, and "that's me"
}
ACCOUNT_EMAIL_VERIFICATION = env.choice("EMAIL_VERIFICATION", "mandatory", ("mandatory", "optional", "none"))
# A code to type in, not a link: it works on whichever device the mail is read, and signs in where it was asked for.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = ACCOUNT_EMAIL_VERIFICATION != "none"
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
# Not on the page that asks for the code: where there is no account to change, it would tell so.
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True  # "your password was changed", "two-factor was switched off"
# A browser left open must not be enough to take the account's address away, by which its password is set anew.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # s
MFA_ADAPTER = "accounts.adapter.TwoFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "My Face My Choice"
MFA_TOTP_TOLERANCE = 1  # one code (30 s) early or late: phones' clocks differ
USERSESSIONS_TRACK_ACTIVITY = (
    False  # when somebody was last here is nobody's business, and a write per request
)
ACCOUNT_USERNAME_MIN_LENGTH = 3
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "login": "accounts.forms.LoginForm",
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
}
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
AXES_VERBOSE = False  # no banner in the log of every command
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "socialnet.limits.client_address"
AXES_USERNAME_CALLABLE = "accounts.attempts.attempted_login"
AXES_RESET_ON_SUCCESS = True
# Of what was posted, starred out in the attempts it keeps: a recovery code sent with a wrong password is still good.
AXES_SENSITIVE_PARAMETERS = [
    *("username", "ip_address", "login", "email", "code"),
    *("password", "password1", "password2", "oldpassword"),
]
AXES_DISABLE_ACCESS_LOG = True  # a list of everybody's visits is nobody's business
AXES_LOCKOUT_TEMPLATE = "lockout.html"
EMAIL_CONFIG = env.address("EMAIL_URL", "filemail://", "email")
vars().update(EMAIL_CONFIG)
EMAIL_FILE_PATH = VAR_DIR / "mail"
if EMAIL_CONFIG["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
    own_folder(EMAIL_FILE_PATH)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("EMAIL_FROM", default="webmaster@localhost")

# --- whose face, which model ---
# The model of owners who chose none, and (optionally) one model for everybody: a demo, one arm of a study.
_models = ("proxy", "authorization", "rules")  # faceaccess.models.AccessModel, which needs settings to load
FACE_DEFAULT_MODEL = env.choice("FACE_DEFAULT_MODEL", "authorization", _models)
FACE_PINNED_MODEL = env.choice("FACE_PINNED_MODEL", "", _models) or None
FACE_INDEX = env.choice("FACE_INDEX", "exact", ("exact", "pgvector"))  # read docs/configuration.md first
if FACE_INDEX == "pgvector" and DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    raise ImproperlyConfigured("FACE_INDEX='pgvector' needs PostgreSQL: set DATABASE_URL.")
REMINDER_DAYS = env.int("REMINDER_DAYS", default=3)  # between two reminders of photos that wait for an answer
# Where links in mails lead to.
SITE_ADDRESS = env.matching(
    "SITE_ADDRESS", "http://localhost:8000", r"https?://[^\s/]\S*", "an address with http:// or https://"
)
ENGINE_PACK = env("ENGINE_PACK", default="builtin")
ENGINE_DEVICE = env.matching("ENGINE_DEVICE", "cpu", r"cpu|auto|cuda(:\d+)?", "cpu, cuda, cuda:1 or auto")
ENGINE_THREADS = env.int("ENGINE_THREADS", default=2)
ENGINE_PRECISION = env.choice("ENGINE_PRECISION", "float32", ("float32", "bfloat16", "float16"))
# On a card: "eager", "graphs" (CUDA graphs) or "compile" (torch.compile). make bench DEVICE=cuda says which pays.
ENGINE_LAUNCH = env.choice("ENGINE_LAUNCH", "eager", ("eager", "graphs", "compile"))
# Threads with a photo each share the networks' batches: "auto" on a card, "on", "off". See docs/gpu.md.
ENGINE_BATCH = env.choice("ENGINE_BATCH", "auto", ("auto", "on", "off"))
ENGINE_BATCH_PHOTOS = env.int("ENGINE_BATCH_PHOTOS", default=16)
ENGINE_BATCH_MEGAPIXELS = env.float("ENGINE_BATCH_MEGAPIXELS", default=48, least=1)
ENGINE_BATCH_WAIT_MS = env.float("ENGINE_BATCH_WAIT_MS", default=100)

# --- API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 20,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "socialnet.api.answer_error",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.matching(
            "API_RATE", "600/min", r"[1-9]\d*/(s|sec|m|min|h|hour|d|day)", "a number/s, /min, /hour or /day"
        ),
        "login": "10/min",
    },
    "NUM_PROXIES": TRUSTED_PROXIES,  # None, its default, takes whatever header a client sends for its address
}
SPECTACULAR_SETTINGS = {
    "TITLE": "My Face My Choice",
    "DESCRIPTION": "A social network in which people appear only in the photos they approve.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "EffectEnum": "faceaccess.models.Effect",
        "AnswerEnum": "faceaccess.models.Authorization.Answer",
        "ModelEnum": "faceaccess.models.AccessModel",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- safety ---
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "img-src": [SELF, "blob:"],
        "style-src": [SELF],
        "script-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
# Only our own pages may ask for the camera (enrolment does); nothing here needs the rest.
PERMISSIONS_POLICY = {
    "camera": "(self)",
    **dict.fromkeys(("geolocation", "microphone", "payment", "usb"), "()"),
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
if env.bool("HTTPS"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

_levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", "INFO", _levels)},
    # A folder as broker has no host name, and kombu would say so at every start.
    "loggers": {"kombu.connection": {"level": "ERROR"}},
}
