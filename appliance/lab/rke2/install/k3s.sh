#!/bin/sh
# Installs the lab's stand-in for K3s, by the contract of upstream's install.sh:
#
#   INSTALL_K3S_SKIP_DOWNLOAD  true (required: nothing is downloaded here; the program is in INSTALL_K3S_BIN_DIR already)
#   INSTALL_K3S_EXEC, "$@"     server or agent with its flags; K3S_URL makes it an agent where nothing else says
#   INSTALL_K3S_BIN_DIR        /usr/local/bin
#   INSTALL_K3S_SYSTEMD_DIR    /etc/systemd/system
#   INSTALL_K3S_NAME           the unit is k3s-NAME instead of k3s or k3s-agent
#   INSTALL_K3S_TYPE           systemd's type of the unit: notify
#   INSTALL_K3S_SKIP_ENABLE, INSTALL_K3S_SKIP_START, INSTALL_K3S_FORCE_RESTART
#   K3S_*                      kept for the unit
set -eu

info() { echo "[INFO]  $*"; }
fatal() {
    echo "[ERROR]  $*" >&2
    exit 1
}

bin=${INSTALL_K3S_BIN_DIR:-/usr/local/bin}
systemd=${INSTALL_K3S_SYSTEMD_DIR:-/etc/systemd/system}

[ "$(id -u)" -eq 0 ] || fatal "You need to be root to perform this install"
case ${K3S_URL:-} in
    "" | https://*) ;;
    *) fatal "Only https:// URLs are supported for K3S_URL (have ${K3S_URL})" ;;
esac

# shellcheck disable=SC2086 # the flags of INSTALL_K3S_EXEC are words
set -- ${INSTALL_K3S_EXEC:-} "$@"
case ${1:-} in
    "" | -*)
        command=server
        if [ -n "${K3S_URL:-}" ]; then
            command=agent
            [ -n "${K3S_TOKEN:-}${K3S_TOKEN_FILE:-}" ] ||
                fatal "Defaulted k3s exec command to 'agent' because K3S_URL is defined, but K3S_TOKEN or K3S_TOKEN_FILE is not defined."
        fi
        ;;
    *)
        command=$1
        shift
        ;;
esac
case ${INSTALL_K3S_NAME:-} in
    "") if [ "$command" = server ]; then name=k3s; else name=k3s-$command; fi ;;
    *) name=k3s-$INSTALL_K3S_NAME ;;
esac

case ${INSTALL_K3S_SKIP_DOWNLOAD:-} in
    true | binary) info "Skipping k3s download and verify" ;;
    *) fatal "nothing is downloaded in the lab: set INSTALL_K3S_SKIP_DOWNLOAD=true" ;;
esac
[ -x "$bin/k3s" ] || fatal "Executable k3s binary not found at $bin/k3s"

unit=$systemd/$name.service
before=$(cat "$unit" "$unit.env" 2>/dev/null | sha256sum; sha256sum "$bin/k3s")

words=
for word in "$@"; do
    quoted=$(printf '%s' "$word" | sed 's/["\\]/\\&/g')
    words="$words \"$quoted\""
done
info "systemd: Creating environment file $unit.env"
(
    umask 077
    env | sed -n '/^K3S_[A-Z_]*=/p' >"$unit.env"
)
info "systemd: Creating service file $unit"
cat >"$unit" <<UNIT
[Unit]
Description=Lightweight Kubernetes (stand-in)
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=${INSTALL_K3S_TYPE:-notify}
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-$unit.env
KillMode=process
Delegate=yes
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=$bin/k3s $command$words
UNIT

info "Creating killall script $bin/k3s-killall.sh"
cat >"$bin/k3s-killall.sh" <<KILLALL
#!/bin/sh
[ "\$(id -u)" -eq 0 ] || exec sudo "\$0" "\$@"
for unit in k3s.service k3s-agent.service $name.service; do
    systemctl stop "\$unit" 2>/dev/null || true
done
KILLALL
info "Creating uninstall script $bin/$name-uninstall.sh"
cat >"$bin/$name-uninstall.sh" <<UNINSTALL
#!/bin/sh
set -eu
"$bin/k3s-killall.sh"
systemctl disable "$name" 2>/dev/null || true
rm -f "$unit" "$unit.env"
systemctl daemon-reload 2>/dev/null || true
rm -rf /etc/rancher/k3s /etc/rancher/node /var/lib/rancher/k3s
rm -f "$bin/k3s" "$bin/k3s-killall.sh" "$bin/$name-uninstall.sh"
UNINSTALL
chmod 755 "$bin/k3s-killall.sh" "$bin/$name-uninstall.sh"

[ "${INSTALL_K3S_SKIP_ENABLE:-}" = true ] && exit 0
info "systemd: Enabling $name unit"
systemctl enable "$unit" >/dev/null
systemctl daemon-reload
[ "${INSTALL_K3S_SKIP_START:-}" = true ] && exit 0
after=$(cat "$unit" "$unit.env" | sha256sum; sha256sum "$bin/k3s")
if [ "$before" = "$after" ] && [ "${INSTALL_K3S_FORCE_RESTART:-}" != true ]; then
    info "No change detected so skipping service start"
    exit 0
fi
info "systemd: Starting $name"
systemctl restart "$name"
