#!/usr/bin/env bash
set -e
# minigen needs Python 3.11. Gradescope's Ubuntu 24.04 image has a newer one; 22.04 has 3.10, where
# a second interpreter is installed beside it.
apt-get update -q && apt-get install -yq python3 python3-venv
PYTHON=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    apt-get install -yq python3.11 python3.11-venv
    PYTHON=python3.11
fi
"$PYTHON" -m venv /opt/minigen
/opt/minigen/bin/pip install -q "/autograder/source/WHEEL"
# A student's code must not import the references of the forward passes.
chmod 700 /opt/minigen/lib/python3*/site-packages/minigen
