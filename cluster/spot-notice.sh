#!/usr/bin/env bash
# cluster/spot-notice.sh aws|gcp|azure|auto (--pid PID | --touch FILE) -- waits for the cloud's notice that this machine
# is taken away, then tells longtake: USR2 to launch/mpirun.sh (or longtake) with --pid, or the stop file with --touch.
#
# Beside the program, in the background; the program itself speaks no HTTP. It ends after the notice, or when PID ends.
# NOTICE_URL overrides the address of the metadata service and NOTICE_POLL_S the seconds between two looks (default 5).
#
#     lead time: AWS 2 min, Google 30 s, Azure at least 30 s. longtake leaves within 10 s.
set -u

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 64; }
[ $# -eq 3 ] || usage
cloud=$1 how=$2 target=$3
case $how in
--pid) case $target in '' | *[!0-9]*) usage ;; esac ;;
--touch) ;;
*) usage ;;
esac
command -v curl >/dev/null || { echo "spot-notice.sh: curl is missing" >&2; exit 69; }
poll=${NOTICE_POLL_S:-5}
get() { curl --silent --show-error --fail --max-time "${CURL_MAX_S:-3}" "$@" 2>/dev/null; }

# Each prints nothing and returns 0 once there is a notice.
aws() {
    local base=${NOTICE_URL:-http://169.254.169.254} token
    token=$(get -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 300" "$base/latest/api/token") || return 1
    get -H "X-aws-ec2-metadata-token: $token" "$base/latest/meta-data/spot/instance-action" >/dev/null
}
gcp() {
    local base=${NOTICE_URL:-http://metadata.google.internal}
    [ "$(get -H "Metadata-Flavor: Google" "$base/computeMetadata/v1/instance/preempted")" = TRUE ]
}
azure() {
    # The first question switches the service on and may take up to two minutes to be answered.
    local base=${NOTICE_URL:-http://169.254.169.254}
    CURL_MAX_S=120 get -H "Metadata: true" "$base/metadata/scheduledevents?api-version=2020-07-01" |
        grep -q '"EventType" *: *"Preempt"'
}
if [ "$cloud" = auto ]; then
    if get -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" "${NOTICE_URL:-http://169.254.169.254}/latest/api/token" >/dev/null; then
        cloud=aws
    elif get -H "Metadata-Flavor: Google" "${NOTICE_URL:-http://metadata.google.internal}/computeMetadata/v1/instance/id" >/dev/null; then
        cloud=gcp
    elif get -H "Metadata: true" "${NOTICE_URL:-http://169.254.169.254}/metadata/instance?api-version=2021-02-01" >/dev/null; then
        cloud=azure
    else
        echo "spot-notice.sh: no metadata service of AWS, Google or Azure answers here; nothing to watch" >&2
        exit 0
    fi
fi
case $cloud in aws | gcp | azure) ;; *) usage ;; esac

until "$cloud"; do
    [ "$how" = --pid ] && ! kill -0 "$target" 2>/dev/null && exit 0
    sleep "$poll"
done
echo "spot-notice.sh: notice from $cloud: this machine is taken away" >&2
if [ "$how" = --pid ]; then
    kill -USR2 "$target"
else
    touch "$target"
fi
