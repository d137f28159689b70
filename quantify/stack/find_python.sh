#!/bin/sh
# Print the path of a Python this project runs on, preferring the one `.python-version` names.
# Each candidate is run before it is believed: a pyenv shim exists also where it cannot answer.
set -u
cd "$(dirname "$0")/../.." || exit 1
wanted=$(cat .python-version)

real_path() {
    "$1" -c '
import sys
assert sys.version_info >= (3, 12)
import ensurepip, ssl, venv, zlib
print(sys.executable)
' 2>/dev/null
}

first_that_runs() {
    for candidate in "$@"; do
        real_path "$candidate" && exit 0
    done
}

first_that_runs "python$wanted" python3.13 python3.12 python3.14 python3 python

for folder in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv"; do
    for version in "$wanted" 3.13 3.12 3.14; do
        first_that_runs "$folder/versions/$version"*/bin/python3
    done
done

if command -v uv >/dev/null; then
    uv python find "$wanted" >/dev/null 2>&1 || uv python install "$wanted" >&2
    first_that_runs "$(uv python find "$wanted" 2>/dev/null)"
fi

cat >&2 <<END
No Python 3.12 or newer with venv and ensurepip was found (wanted: $wanted).
Install one, for instance with one of:
  apt-get install python3 python3-venv     (Debian 13, Ubuntu 24.04 or newer)
  pyenv install $wanted
  uv python install $wanted
END
exit 1
