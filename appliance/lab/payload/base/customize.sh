#!/bin/sh
# Run by mmdebstrap with the new root as its argument, and by hand as root the same way.
# Leaves /boot/vmlinuz and /boot/initrd there for the caller to take out.
set -eu
root=$1
here=$(dirname "$0")
kernel=$(basename "$root"/lib/modules/*)

in_root() { chroot "$root" "$@"; }

# Only the modules a QEMU machine needs: the rest is most of the image.
keep=$(mktemp)
grep -v '^#' "$here/modules" | while read -r module; do
    in_root modprobe --set-version "$kernel" --show-depends "$module" 2>/dev/null |
        sed -n 's/^insmod \([^ ]*\).*/\1/p' || true
done | sort -u >"$keep"
find "$root/lib/modules" -name '*.ko*' -printf '/lib/modules/%P\n' | sort |
    comm -23 - "$keep" | while read -r unwanted; do rm "$root$unwanted"; done
rm "$keep"
in_root depmod "$kernel"

# Debian's dracut mounts a plain squashfs only as an overlayfs when told to. Harvester's own
# initrd needs no such word, so it stands in the initrd and the kernel line stays Harvester's.
mkdir -p "$root/etc/cmdline.d"
echo rd.live.overlay.overlayfs=1 >"$root/etc/cmdline.d/90-overlayfs.conf"
in_root dracut --force --reproducible --no-hostonly --compress 'lz4 -9 -l' \
    --modules 'dash base kernel-modules dm dmsquash-live livenet network network-legacy img-lib url-lib udev-rules fs-lib rootfs-block' \
    --install '/usr/sbin/blkid /usr/lib/systemd/network/99-default.link /usr/lib/udev/rules.d/75-net-description.rules /usr/lib/udev/rules.d/80-net-setup-link.rules' \
    --include /etc/cmdline.d /etc/cmdline.d \
    --kver "$kernel" /boot/initrd
mv "$root/boot/vmlinuz-$kernel" "$root/boot/vmlinuz"

# The rancher user of Harvester's live system. The installed node gives it the configured password.
in_root useradd --create-home --shell /bin/bash --uid 1000 rancher
echo 'rancher:rancher' | chroot "$root" chpasswd
echo 'rancher ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/rancher"
chmod 0440 "$root/etc/sudoers.d/rancher"
rm -f "$root"/etc/ssh/ssh_host_*
cat >"$root/etc/ssh/sshd_config" <<'SSHD'
PermitRootLogin no
UsePAM yes
UseDNS no
Subsystem sftp internal-sftp
SSHD

# One service is the whole system; everything else Debian starts costs seconds in emulation.
cat >"$root/etc/systemd/system/standin.service" <<'UNIT'
[Unit]
Description=Stand-in for Harvester's installer and installed node
After=systemd-udev-settle.service
Wants=systemd-udev-settle.service
[Service]
Environment=PYTHONPATH=/standin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ExecStart=/usr/bin/python3 -S -c "import sys; sys.path.append('/usr/lib/python3/dist-packages'); from standin.main import main; main()"
StandardInput=null
StandardOutput=journal
KillMode=process
[Install]
WantedBy=multi-user.target
UNIT
in_root systemctl enable standin.service
in_root systemctl set-default multi-user.target
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer systemd-tmpfiles-clean.timer e2scrub_reap.service ssh.service ssh.socket \
    getty@.service getty.target getty-static.service serial-getty@.service systemd-networkd.service \
    systemd-networkd-wait-online.service systemd-timesyncd.service systemd-pstore.service \
    systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    systemd-journal-flush.service systemd-sysusers.service systemd-machine-id-commit.service \
    systemd-logind.service systemd-user-sessions.service systemd-binfmt.service \
    proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount sys-fs-fuse-connections.mount modprobe@.service \
    systemd-boot-update.service systemd-boot-system-token.service nss-user-lookup.target; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
echo harvester-standin >"$root/etc/hostname"
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
mkdir -p "$root/oem" "$root/persistent" "$root/state"
rm -f "$root/etc/resolv.conf" && : >"$root/etc/resolv.conf"

rm -rf "$root"/usr/lib/udev/hwdb.bin "$root"/usr/lib/udev/hwdb.d \
    "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info \
    "$root"/usr/share/lintian "$root"/usr/share/perl "$root"/usr/share/perl5 "$root"/usr/lib/dracut \
    "$root"/var/lib/apt/lists "$root"/var/cache/apt "$root"/var/cache/debconf \
    "$root"/boot/System.map-* "$root"/boot/initrd.img-* "$root"/var/log/*.log "$root"/var/log/apt \
    "$root"/usr/lib/python3*/test "$root"/usr/share/syslinux-common
