#!/bin/sh
# Compares the ways to read ftrace's ring, on a loop device over a tmpfs made for it: bench/ring/run.sh [SECONDS [ROUNDS]]
set -eu
cd "$(dirname "$0")/../.."
cmake -S . -B build/bench -DBLKSCOPE_BENCH=ON >/dev/null
cmake --build build/bench --target ring_bench -j 2 >/dev/null
folder=$(mktemp -d)
loop=
trap '[ -z "$loop" ] || losetup -d "$loop"; umount "$folder"; rmdir "$folder"' EXIT
mount -t tmpfs -o size=300m blkscope-bench "$folder"
dd if=/dev/zero of="$folder/disk" bs=1M count=256 status=none
loop=$(losetup --show -f --direct-io=off "$folder/disk")
build/bench/bench/ring/ring_bench "$(basename "$loop")" "${1:-1}" "${2:-5}"
