#!/usr/bin/env bash
set -e
apt-get update -q && apt-get install -yq python3 python3-pip python3-venv
python3 -m venv /opt/minigen
/opt/minigen/bin/pip install -q "/autograder/source/WHEEL"
# A student's code must not import the references of the forward passes.
chmod 700 /opt/minigen/lib/python3*/site-packages/minigen
