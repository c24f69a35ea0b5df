#!/bin/sh
# Nine minutes of one GPU:  sh runs/gpu.sh PACK OUT [RECIPE [TIME [MODEL]]]
# In the root of the repository, where python3 has torch, NumPy, Pillow and safetensors; midtone need
# not be installed. PACK: python -m midtone.training.pack PHOTOS -o PACK. RECIPE: default, paper,
# or a .json file. MODEL: a .safetensors model to go on from. Writes OUT/weights.safetensors and
# OUT/log.jsonl.
set -eu
PYTHONPATH=src PYTHONUNBUFFERED=1 exec python3 -m midtone.training.gpu_run "$1" -o "$2" \
    --recipe "${3:-default}" --for "${4:-7m30s}" ${5:+--start "$5"}
