#!/bin/sh
# Make .venv from the locks, or leave it alone when it is whole and of these locks.
#
# The stamp is written last and removed first, so an interrupted installation is never taken for
# a whole one. It holds the folder (a venv cannot be moved) and a checksum of the locks (not
# their times: `git checkout` must not reinstall anything).
set -eu
venv=.venv
stamp=$venv/melablate.stamp
locks="envs/melablate.lock.txt envs/dev.lock.txt envs/data-packages.lock.txt"
want="$(pwd -P)
$(cat $locks | cksum)"

if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] &&
    { [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" -V)" = "$("$venv/bin/python" -V)" ]; }; then
    exit 0
fi

say() { echo "[env] $*"; }

# One at a time: two would install into the same folder.
if command -v flock >/dev/null 2>&1 && [ -z "${MELABLATE_ENV_LOCKED:-}" ]; then
    flock -n "$venv.lock" true || say "another make env is at work in this folder: waiting for it"
    MELABLATE_ENV_LOCKED=1 exec flock "$venv.lock" sh "$0"
fi

python=$(sh envs/find_python.sh)

# tinysoundfont has no wheel for Python 3.13: say so before gigabytes are downloaded, not after.
if "$python" -c "import sys; sys.exit(sys.version_info[:2] < (3, 13))" &&
    ! command -v c++ >/dev/null 2>&1 && ! command -v g++ >/dev/null 2>&1; then
    echo "With Python 3.13 one package (tinysoundfont) is compiled, and there is no C++ compiler.
Use Python 3.11 or 3.12 (make PYTHON=python3.12 …), or install a compiler (Debian and Ubuntu:
apt install g++)." >&2
    exit 1
fi

say "making $venv with $("$python" -V), $python: some minutes"
# The old one comes back if the new one cannot be installed.
rm -rf "$venv.old"
if [ -d "$venv" ]; then mv "$venv" "$venv.old"; fi
trap 'rm -rf "$venv"; if [ -d "$venv.old" ]; then mv "$venv.old" "$venv"; fi' EXIT
trap 'say "interrupted: removing what was half made"; exit 1' HUP INT TERM
"$python" -m venv "$venv"

install() { "$venv/bin/python" -m pip --disable-pip-version-check install -qq "$@"; }
torch=$(grep '^torch==' envs/melablate.lock.txt)
say "1/3 $torch, the largest: 0.2 GB for CPUs, some 3 GB with CUDA; the index decides which"
install "$torch" -c envs/melablate.lock.txt
say "2/3 $(grep -c == envs/melablate.lock.txt) packages, and $(grep -c == envs/dev.lock.txt) for tests and checks: the longest part"
install -r envs/melablate.lock.txt -r envs/dev.lock.txt
say "3/3 soundfont, synthesizer, CLIP vocabulary"
install --no-deps -r envs/data-packages.lock.txt
"$venv/bin/python" -c "import torch, snakemake, tinysoundfont"

echo "$want" >"$stamp"
trap - EXIT
rm -rf "$venv.old"
say "done: $(du -sh "$venv" | cut -f1) in $venv"
