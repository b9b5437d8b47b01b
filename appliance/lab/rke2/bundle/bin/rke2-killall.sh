#!/bin/sh
# Ends what the stand-in runs on this machine; its state and its installation stay.
set -u
if [ "$(id -u)" -ne 0 ]; then
    echo "$(basename "$0"): must be run as root" >&2
    exit 1
fi
for unit in rke2-server.service rke2-agent.service; do
    systemctl stop "$unit" 2>/dev/null || true
done
exit 0
