#!/bin/sh
# The model "default", from nothing to the file:  sh runs/default.sh PHOTOS [OUT]
# PHOTOS: a folder of well exposed photographs (docs/training-photographs.csv lists ours).
# Stop it whenever you like; the same command continues.
set -eu
out=${2:-default-run}
midtone train "$1" -o "$out" --recipe default --resume
midtone export "$out" -o "$out/default.onnx" --pipeline "$(dirname "$0")/default.toml" --overwrite
