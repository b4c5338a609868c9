#!/usr/bin/env bash
# tests/soak/kills.sh [N] [SEED] -- N (default 1000) random kill -9 of ranks and of mpirun, each followed by the same
# command again; the result's bits are compared after each finished job. About two seconds a kill.
# LONGTAKE names the program (default build/cpu/longtake).
cd "$(dirname "$0")/../.." || exit 70
export KILLS=${1:-1000} KILL_SEED=${2:-$RANDOM}
echo "seed $KILL_SEED" >&2
exec python3 tests/faults/test_kills.py Kills.test_random_kills
