#!/bin/sh
# Run by mmdebstrap with the new root as its argument. What a box of Vagrant's is (vagrantup.com, "Creating a base
# box"): a user `vagrant` with Vagrant's well-known key and sudo without a password, SSH, DHCP on the first card.
# Vagrant replaces the key of no machine that only its own computer reaches.
set -eu
root=$1
here=$(dirname "$0")
shared=$here/../../cloud_image/recipe
units=$root/etc/systemd/system

in_root() { chroot "$root" "$@"; }

# What the playbook finds missing, with all that comes along: it installs them without a mirror.
mkdir -p "$root/srv/packages"
rm -f "$root"/var/cache/apt/archives/*.deb
in_root apt-get -q -y -d --no-install-recommends install ipxe nftables python3-venv >&2
mv "$root"/var/cache/apt/archives/*.deb "$root/srv/packages/"

. "$shared/boot.sh"
# Not cpio: the kernel's package depends on it, and apt must find everything in order.
in_root dpkg --purge mtools syslinux syslinux-common systemd-boot-efi busybox-static >/dev/null

in_root useradd --create-home --shell /bin/bash vagrant
install -d -m 700 "$root/home/vagrant/.ssh"
install -m 600 "$here/vagrant.pub" "$root/home/vagrant/.ssh/authorized_keys"
in_root chown -R vagrant:vagrant /home/vagrant
printf 'vagrant ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"

cat >"$root/etc/ssh/sshd_config" <<'SSHD'
PasswordAuthentication no
KbdInteractiveAuthentication no
KexAlgorithms -sntrup761x25519-sha512@openssh.com
PrintMotd no
UseDNS no
UsePAM yes
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
SSHD
sed -i -E '/pam_(motd|mail|systemd)\.so/d' "$root/etc/pam.d/sshd" "$root/etc/pam.d/login" "$root"/etc/pam.d/common-session*
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nClientIdentifier=mac\n' >"$root/etc/systemd/network/10-vagrant.network"
mkdir -p "$units/multi-user.target.wants"
for unit in systemd-networkd ssh; do
    ln -sf "/lib/systemd/system/$unit.service" "$units/multi-user.target.wants/"
done

# What a start need not do.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-networkd-wait-online.service systemd-tmpfiles-clean.timer getty@tty1.service \
    systemd-pstore.service systemd-binfmt.service systemd-hwdb-update.service systemd-journal-catalog-update.service; do
    ln -sf /dev/null "$units/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\nAudit=no\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"

echo bridge >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 bridge\n' >"$root/etc/hosts"
: >"$root/etc/machine-id"
: >"$root/etc/resolv.conf"
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
in_root ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
printf 'LABEL=cloudimg-rootfs / ext4 defaults 0 1\n' >"$root/etc/fstab"
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info \
    "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/var/log/apt "$root"/boot/System.map-* "$root"/boot/config-*
rm -f "$root/boot/vmlinuz" "$root/boot/initrd"
# Compiled once here, not at each first start of a program in emulation.
in_root python3 -m compileall -q /usr/lib/python3.11 /usr/lib/python3 >/dev/null
