#!/bin/sh
# Resolve requirements.in and dev.in with pip in a fresh venv and write the locks, then from them
# those of each kind of work, and the conda files. `make lock` runs this;
# PIP_CONSTRAINT=old.lock.txt keeps what need not move.
set -eu
cd "$(dirname "$0")"
python=$(sh ./find_python.sh)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
trap 'exit 1' HUP INT TERM

"$python" -m venv "$fresh/venv"
pip() { "$fresh/venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# The CUDA build of torch pins its own nvidia-* and triton; the CPU build has none. Neither they
# nor the +cpu in the version belong into a lock that serves both.
frozen() {
    pip freeze --all --exclude pip |
        sed -e 's/^\(torch==[^+]*\)+.*/\1/' |
        grep -v -i -E '^(nvidia-|cuda-|triton==)'
}

# Requirements with a marker (`; python_version >= "3.13"`) may not be installed here: keep them.
with_marker() { grep -v '^#' "$1" | grep ';' | sed 's/ *#.*//' || true; }

echo "[lock] resolving requirements.in with $python"
pip install -qq -r requirements.in
frozen >"$fresh/main"
echo "[lock] resolving dev.in"
pip install -qq -r dev.in -c "$fresh/main"
frozen >"$fresh/all"

{
    echo "# Made by \`make lock\` from requirements.in; do not edit. For Python 3.11 to 3.13."
    cat "$fresh/main"
    with_marker requirements.in
} >"$fresh/melablate.lock.txt"
{
    echo "# Made by \`make lock\` from dev.in; do not edit. Installed beside melablate.lock.txt."
    grep -v -x -F -f "$fresh/main" "$fresh/all"
    with_marker dev.in
} >"$fresh/dev.lock.txt"
mv "$fresh/melablate.lock.txt" "$fresh/dev.lock.txt" .
"$fresh/venv/bin/python" make_kinds.py
echo "[lock] wrote melablate.lock.txt, dev.lock.txt, and the files of each kind of work"
