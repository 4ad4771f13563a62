#!/bin/sh
# Runs a command in a network of its own where only the loopback is up: whatever it starts can reach nothing else.
# The end-to-end tests need it because TDLib dials Telegram's real addresses beside the proxy it is told to use.
#
#     sh scripts/offline.sh COMMAND [ARGUMENT ...]
set -eu

if unshare --net true 2>/dev/null; then
  flags=--net
elif unshare --map-root-user --net true 2>/dev/null; then
  flags='--map-root-user --net'
else
  echo 'offline.sh: cannot make a network namespace: run as root, or allow user namespaces' >&2
  exit 1
fi
# shellcheck disable=SC2086 # two words when there are two flags
exec unshare $flags sh -c 'ip link set lo up && exec "$@"' offline "$@"
