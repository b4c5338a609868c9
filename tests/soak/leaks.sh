#!/usr/bin/env bash
# tests/soak/leaks.sh [N] -- N (default 200) clips of flow and of depth in one process each: the memory of the last ones
# is that of the first ones. About a third of a second a clip. LONGTAKE names the program (default build/cpu/longtake).
cd "$(dirname "$0")/../.." || exit 70
export LEAK_CLIPS=${1:-200}
exec python3 tests/faults/test_memory.py Memory.test_clips_of_flow_leave_nothing Memory.test_clips_of_depth_leave_nothing
