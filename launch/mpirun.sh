#!/usr/bin/env bash
# launch/mpirun.sh -n RANKS [mpirun's options] PROGRAM [ARGUMENTS]
#
# Open MPI's mpirun as longtake needs it:
#   * ranks are not bound: by default mpirun binds one or two ranks to one core each, and a rank has many threads;
#   * root (in a container) and more ranks than cores are allowed;
#   * TERM, HUP, USR1 and USR2 reach the ranks as USR2, "commit and leave". mpirun itself would answer TERM by
#     killing them two seconds later. INT (ctrl-C) does so too at first; a second one ends the job at once.
# Its exit code is the ranks' own: 0, 64, 65, 69, 70, 74 or 75 (docs/failures.md), 137 when a rank was killed.
#
# MPIRUN names another mpirun. Any OMPI_MCA_* of yours is kept.
set -u

mpirun=${MPIRUN:-mpirun}
if [ $# -eq 0 ] || [ "$1" = --help ]; then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
    [ $# -gt 0 ] && exit 0
    exit 64
fi
if ! command -v "$mpirun" >/dev/null; then
    echo "launch/mpirun.sh: $mpirun was not found: install openmpi-bin, or name yours in MPIRUN" >&2
    exit 69
fi
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# Containers commonly forbid process_vm_readv, and Open MPI finds out at the first large message.
export OMPI_MCA_btl_vader_single_copy_mechanism=${OMPI_MCA_btl_vader_single_copy_mechanism:-none}

child=
asked=0           # a stop was asked for
interrupted=0     # the last wait ended for a signal, not for mpirun's end
interrupts=0
stop() {
    interrupted=1 asked=1
    [ -n "$child" ] && kill -USR2 "$child" 2>/dev/null
}
interrupt() {
    interrupts=$((interrupts + 1))
    if [ "$interrupts" -eq 1 ]; then
        echo "launch/mpirun.sh: finishing what is in hand; interrupt again to end at once" >&2
        stop
    else
        interrupted=1
        kill -TERM "$child" 2>/dev/null
    fi
}
trap stop TERM HUP USR1 USR2
trap interrupt INT

# A process group of its own, or a terminal's ctrl-C would reach mpirun past us.
set -m
"$mpirun" --bind-to none --oversubscribe "$@" </dev/null &
child=$!
set +m
[ "$asked" -eq 1 ] && kill -USR2 "$child"

while :; do
    interrupted=0
    wait "$child"
    code=$?
    [ "$interrupted" -eq 1 ] || break
done
# Stopped while mpirun or a rank was still starting, or by the second ctrl-C: mpirun's own 1, or 128 + USR2.
if [ "$asked" -eq 1 ]; then
    case $code in 1 | 140) code=75 ;; esac
fi
exit "$code"
