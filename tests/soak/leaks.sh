#!/usr/bin/env bash
# tests/soak/leaks.sh [CLIPS] [FRAMES] -- what a process holds does not grow: CLIPS (default 200) clips of flow and of depth in one
# process each, where the last hundred stay within 1 %, and videos of 10 and of FRAMES (default 10000) frames, where anonymous and
# shared memory stays within the plan and 5 %. Small frames, a stand-in for the network: a few minutes. LONGTAKE names the program
# (default build/cpu/longtake).
cd "$(dirname "$0")/../.." || exit 70
export LEAK_CLIPS=${1:-200} LEAK_FRAMES=${2:-10000}
exec python3 tests/faults/test_memory.py Memory.test_clips_of_flow_leave_nothing Memory.test_clips_of_depth_leave_nothing \
    Memory.test_what_was_planned_is_kept
