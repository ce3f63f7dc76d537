#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Make the Python with the peers of `omnesia bench mem0` and `bench zep`: packages from PyPI, at
# fixed versions, in a folder of their own. Prints its python3. The first call takes minutes, later
# ones return at once. The benches run it themselves.
#
# PEERS_DIR names the folder (default ~/.cache/omnesia-peers), PYTHON the Python it is made with.
set -eu
root=${PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/omnesia-peers}
venv=$root/agents-1
stamp=$venv/.complete
if [ ! -e "$stamp" ]; then
    mkdir -p "$root"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check \
        mem0ai==2.2.1 graphiti-core==0.31.2 kuzu==0.11.3 >&2
    touch "$stamp"
fi
echo "$venv/bin/python3"
