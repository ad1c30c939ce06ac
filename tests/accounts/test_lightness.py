"""The web process must not carry the networks: torch alone costs seconds at the start and 200 MB."""

import subprocess
import sys


def test_the_site_starts_without_torch() -> None:
    code = (
        "import django, sys; django.setup();"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "import accounts.services, photos.services;"
        "print([name for name in ('torch', 'dlib', 'onnxruntime', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
