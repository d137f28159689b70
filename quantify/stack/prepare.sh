#!/bin/sh
# Make .venv what requirements-dev.txt says. Does nothing when it is so already.
set -eu
cd "$(dirname "$0")/../.."
stamp=.venv/requirements.cksum
wanted=$(cksum requirements-dev.txt)

if .venv/bin/python -c '' 2>/dev/null; then
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
else
    python=$(sh quantify/stack/find_python.sh)
    echo "Making .venv with $python"
    "$python" -m venv --clear .venv
fi

echo "Installing what requirements-dev.txt lists; the first time takes a minute or two."
PIP_ROOT_USER_ACTION=ignore .venv/bin/python -m pip install \
    --quiet --disable-pip-version-check --requirement requirements-dev.txt
echo "$wanted" >"$stamp"
