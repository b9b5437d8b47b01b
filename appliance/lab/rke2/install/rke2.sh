#!/bin/sh
# Installs the lab's stand-in for RKE2 from a folder, by the contract of upstream's install.sh:
#
#   INSTALL_RKE2_ARTIFACT_PATH     folder of rke2.linux-amd64.tar.gz and sha256sum-amd64.txt (required: nothing is downloaded here)
#   INSTALL_RKE2_TYPE              server or agent (INSTALL_RKE2_EXEC means the same); both units are installed
#   INSTALL_RKE2_METHOD            tar; rpm is refused
#   INSTALL_RKE2_TAR_PREFIX        /usr/local, or /opt/rke2 where that is read-only or a mount point
#   INSTALL_RKE2_AGENT_IMAGES_DIR  /var/lib/rancher/rke2/agent/images
#   INSTALL_RKE2_SKIP_RELOAD       do not have systemd read its units again
#
# As upstream's it copies split image sets only if the combined set is there and listed (rke2#6275, #6308):
# whoever has split sets alone copies them to the images folder.
set -eu

info() { echo "[INFO]  $*"; }
warn() { echo "[WARN]  $*" >&2; }
fatal() {
    echo "[ERROR]  $*" >&2
    exit 1
}

artifacts=${INSTALL_RKE2_ARTIFACT_PATH:-}
kind=${INSTALL_RKE2_TYPE:-${INSTALL_RKE2_EXEC:-server}}
images=${INSTALL_RKE2_AGENT_IMAGES_DIR:-/var/lib/rancher/rke2/agent/images}
prefix=${INSTALL_RKE2_TAR_PREFIX:-}
suffix=linux-amd64

check_machine() {
    [ "$(id -u)" -eq 0 ] || fatal "You need to be root to perform this install"
    case $(uname -m) in
        x86_64 | amd64) ;;
        *) fatal "unsupported architecture $(uname -m)" ;;
    esac
    case ${INSTALL_RKE2_METHOD:-tar} in
        tar) ;;
        *) fatal "the lab installs from tarballs only, not by ${INSTALL_RKE2_METHOD}" ;;
    esac
    case $kind in
        server | agent) ;;
        *) fatal "INSTALL_RKE2_TYPE is ${kind}, neither server nor agent" ;;
    esac
    [ -n "$artifacts" ] || fatal "nothing is downloaded in the lab: set INSTALL_RKE2_ARTIFACT_PATH"
    if command -v rpm >/dev/null 2>&1 && rpm -q rke2-common >/dev/null 2>&1; then
        fatal "Cannot perform tar install on host with existing RKE2 RPMs - please run rke2-uninstall.sh first"
    fi
}

choose_prefix() {
    [ -z "$prefix" ] || return 0
    prefix=/usr/local
    probe=$prefix/.rke2-ro-test
    if mountpoint -q "$prefix" || ! touch "$probe" 2>/dev/null; then
        prefix=/opt/rke2
        warn "/usr/local is read-only or a mount point; installing to $prefix"
    fi
    rm -f "$probe" 2>/dev/null || true
}

# The checksum that the list has for a file, or nothing.
listed() { awk -v name="$1" '$2 == name || $2 == "*" name { print $1; exit }' "$artifacts/sha256sum-amd64.txt"; }

verify() {
    file=$artifacts/$1
    expected=$(listed "$1")
    actual=$(sha256sum "$file" | cut -d' ' -f1)
    [ "$expected" = "$actual" ] || fatal "download sha256 does not match ${expected}, got ${actual} ($file)"
}

install_images() {
    for ending in tar.zst tar.gz; do
        combined=rke2-images.$suffix.$ending
        [ -f "$artifacts/$combined" ] && [ -n "$(listed "$combined")" ] || continue
        info "verifying airgap tarball"
        verify "$combined"
        info "installing airgap tarball to $images"
        mkdir -p "$images"
        cp -f "$artifacts/$combined" "$images/"
        for each in "$artifacts"/rke2-images-*."$suffix"*; do
            [ -f "$each" ] || continue
            info "Installing airgap image from $each"
            cp -f "$each" "$images/"
        done
        return 0
    done
}

unpack() {
    info "unpacking tarball file to $prefix"
    mkdir -p "$prefix"
    tar xzf "$artifacts/rke2.$suffix.tar.gz" -C "$prefix"
    [ "$prefix" != /usr/local ] || return 0
    info "updating tarball contents to reflect install path"
    sed -i "s|/usr/local|$prefix|" "$prefix"/lib/systemd/system/rke2-*.service "$prefix/bin/rke2-uninstall.sh"
    info "moving systemd units to /etc/systemd/system"
    mv -f "$prefix"/lib/systemd/system/rke2-*.service /etc/systemd/system/
}

check_machine
choose_prefix
info "staging local checksums from $artifacts/sha256sum-amd64.txt"
[ -r "$artifacts/sha256sum-amd64.txt" ] || fatal "$artifacts/sha256sum-amd64.txt cannot be read"
info "staging tarball from $artifacts/rke2.$suffix.tar.gz"
[ -r "$artifacts/rke2.$suffix.tar.gz" ] || fatal "$artifacts/rke2.$suffix.tar.gz cannot be read"
install_images
info "verifying tarball"
verify "rke2.$suffix.tar.gz"
unpack
[ -n "${INSTALL_RKE2_SKIP_RELOAD:-}" ] || systemctl daemon-reload
