#!/bin/sh
# Locust's operator starts its image with `--master ARGS` and `--worker --master-host HOST ARGS`; this translates them for bench.
# The operator removes ended Jobs with their results, so the master stays for LINGER_S more.
set -u
case "$1" in
  --master)
    shift
    python /bench/scripts run "$@"
    code=$?
    sleep "${LINGER_S:-600}"
    exit "$code"
    ;;
  --worker) exec python /bench/scripts worker --master "$3" ;;
  *)
    echo "neither --master nor --worker: $*" >&2
    exit 2
    ;;
esac
