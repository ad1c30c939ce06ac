#!/bin/sh
# Makes .venv and installs the project into it; `setup.sh dev` adds what the tests need.
# Does nothing, fast, when pyproject.toml has not changed since the last time.
set -eu
cd "$(dirname "$0")/.."
extra="${1:-}"
stamp=".venv/.installed${extra:+-$extra}"
if [ -e "$stamp" ] && cmp -s pyproject.toml "$stamp"; then
    exit 0
fi

python=""
for candidate in "${PYTHON:-python3}" python3.12 python3.11; do
    if "$candidate" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
        python="$candidate"
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 or 3.12 with the venv module is needed (Debian: apt-get install python3-venv)." >&2
    exit 1
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing (a few minutes the first time) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25" wheel
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".${extra:+[$extra]}"

# opencv-python is linked against two system libraries that a bare server lacks.
if ! .venv/bin/python -c 'import cv2' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends libgl1 libglib2.0-0 >/dev/null
    else
        echo "OpenCV needs two system libraries: sudo apt-get install libgl1 libglib2.0-0" >&2
        exit 1
    fi
fi
cp pyproject.toml "$stamp"
