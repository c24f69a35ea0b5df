#!/bin/sh
# The model "paper", from nothing to the file:  sh runs/paper.sh PAIRS|PHOTOS [OUT]
# PAIRS: the paper's data set (docs/paper.md), or a folder of well exposed photographs of at least
# 512 px on the shorter side. Stop it whenever you like; the same command continues.
set -eu
out=${2:-paper-run}
midtone train "$1" -o "$out" --recipe paper --resume
midtone export "$out" -o "$out/paper.onnx" --pipeline paper
