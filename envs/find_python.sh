#!/bin/sh
# Print the path of the first Python 3.11 to 3.13 that really runs and can make a venv.
# PYTHON names the one to use. A name on PATH is not enough: version managers put stubs there
# that only fail, and an active venv may be the very one that is about to be replaced, so the
# interpreter below it is taken.
set -eu
probe='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    raise SystemExit("is Python %d.%d" % sys.version_info[:2])
try:
    import ensurepip, venv
except ImportError:
    raise SystemExit("cannot make a venv (Debian and Ubuntu: apt install python3-venv)")
print(getattr(sys, "_base_executable", None) or sys.executable)
'
tried=""
for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3 python; do
    if ! command -v "$candidate" >/dev/null 2>&1; then
        found="not found"
        [ "$candidate" = "${PYTHON:-}" ] || continue
    elif found=$("$candidate" -c "$probe" 2>&1); then
        echo "$found"
        exit 0
    fi
    tried="$tried
  $candidate: $(echo "${found:-fails}" | sed '/./!d' | head -n 1)"
    [ "$candidate" != "${PYTHON:-}" ] || break # who names one wants that one
done
echo "No Python 3.11, 3.12 or 3.13 was found that works.${tried:+ Tried:$tried}
Install one, or name it: make PYTHON=/path/to/python3.12 …" >&2
exit 1
