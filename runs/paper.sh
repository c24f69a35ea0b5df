#!/bin/sh
# The model "paper", from nothing to the file:  sh runs/paper.sh PAIRS|PHOTOS [OUT [RECIPE]]
# PAIRS: the paper's data set (docs/paper.md), or a folder of well exposed photographs. RECIPE:
# paper-cpu, that of the package's model, within a night of a CPU; or paper, the authors' schedule,
# with photographs of at least 512 px on the shorter side. Stop it whenever you like; the same
# command continues.
set -eu
out=${2:-paper-run}
midtone train "$1" -o "$out" --recipe "${3:-paper-cpu}" --resume
midtone export "$out" -o "$out/paper.onnx" --pipeline paper --overwrite
