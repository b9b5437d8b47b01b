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
# QEMU 7.2 keeps translated code by virtual address: with address randomisation every process's
# libc is translated anew, and giving such a page back takes time quadratic in the translations
# (stalls of half a minute were measured). So no randomisation, from the initrd's first hook on.
mkdir -p "$root/etc/hooks"
echo 'echo 0 >/proc/sys/kernel/randomize_va_space' >"$root/etc/hooks/00-same-addresses.sh"
in_root dracut --force --reproducible --no-hostonly --compress 'lz4 -9 -l' \
    --modules 'dash base kernel-modules dm dmsquash-live livenet network network-legacy img-lib url-lib udev-rules fs-lib rootfs-block' \
    --install '/usr/sbin/blkid /usr/lib/systemd/network/99-default.link /usr/lib/udev/rules.d/75-net-description.rules /usr/lib/udev/rules.d/80-net-setup-link.rules' \
    --include /etc/cmdline.d /etc/cmdline.d \
    --include /etc/hooks /usr/lib/dracut/hooks/cmdline \
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

# One service is the whole system. No second udev: the initrd's has loaded the drivers, named the
# network cards and made the links in /dev, and doing it all again stalled the emulated machine for
# up to a minute (measured).
cat >"$root/etc/systemd/system/standin.service" <<'UNIT'
[Unit]
Description=Stand-in for Harvester's installer and installed node
DefaultDependencies=no
[Service]
Environment=PYTHONPATH=/standin PYTHONDONTWRITEBYTECODE=1
ExecStart=/usr/bin/python3 -S -c "import sys; sys.path.append('/usr/lib/python3/dist-packages'); from standin.main import main; main()"
StandardInput=null
StandardOutput=null
StandardError=tty
TTYPath=/dev/console
KillMode=process
UNIT
cat >"$root/etc/systemd/system/standin.target" <<'UNIT'
[Unit]
Description=The stand-in alone
DefaultDependencies=no
Requires=standin.service
AllowIsolate=yes
UNIT
ln -sf standin.target "$root/etc/systemd/system/default.target"

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
