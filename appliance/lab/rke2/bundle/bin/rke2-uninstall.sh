#!/bin/sh
# Takes the stand-in and all its state off this machine.
set -eu
if [ "$(id -u)" -ne 0 ]; then
    echo "$(basename "$0"): must be run as root" >&2
    exit 1
fi
root=${INSTALL_RKE2_ROOT:-/usr/local}
data=${RKE2_DATA_DIR:-/var/lib/rancher/rke2}
"$(dirname "$0")/rke2-killall.sh"
for unit in rke2-server rke2-agent; do
    systemctl disable "$unit" 2>/dev/null || true
    systemctl reset-failed "$unit" 2>/dev/null || true
    rm -f "$root/lib/systemd/system/$unit.service" "$root/lib/systemd/system/$unit.env"
    rm -f "/etc/systemd/system/$unit.service"
done
systemctl daemon-reload 2>/dev/null || true
rm -rf "$root/share/rke2" /etc/rancher/rke2 /etc/rancher/node "${data:?}"
rmdir /etc/rancher /var/lib/rancher 2>/dev/null || true
rm -f "$root/bin/rke2" "$root/bin/rke2-killall.sh" "$root/bin/rke2-uninstall.sh"
