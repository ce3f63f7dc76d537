#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Make the Python with the peers of `omnesia bench mem`: packages from PyPI, at fixed versions, in a
# folder of their own. Prints its python3. The first call takes a minute, later ones return at once.
#
# PEERS_DIR names the folder (default ~/.cache/omnesia-peers), PYTHON the Python it is made with.
# The SQLite module of some Pythons loads no extensions; bench/peer_scan.py knows another way.
set -eu
root=${PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/omnesia-peers}
venv=$root/memory-1
stamp=$venv/.complete
if [ ! -e "$stamp" ]; then
    mkdir -p "$root"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check \
        sqlite-vec==0.1.9 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 tokenizers==0.23.3 >&2
    touch "$stamp"
fi
echo "$venv/bin/python3"
