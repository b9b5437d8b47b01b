#!/bin/sh
# Run by mmdebstrap with the new root as its argument, and by hand as root the same way.
# Leaves /boot/vmlinuz, /boot/initrd and /boot/esp.img there for the caller to take out.
set -eu
root=$1
here=$(dirname "$0")
shared=$here
units=$root/etc/systemd/system

in_root() { chroot "$root" "$@"; }

. "$here/boot.sh"

# ------------------------------------------------------------------ cloud-init
cp "$here/cloud.cfg" "$root/etc/cloud/cloud.cfg"
rm -rf "$root"/etc/cloud/cloud.cfg.d/90* "$root/usr/lib/cloud-init/ds-identify" "$root"/lib/udev/rules.d/*cloud-init*
# Debian's entry script goes through importlib.metadata, which loads half of the e-mail package.
cat >"$root/usr/bin/cloud-init" <<'ENTRY'
#!/usr/bin/python3 -s
import sys
from cloudinit.cmd.main import main
sys.exit(main())
ENTRY
install -m 755 "$here/stages" "$root/usr/lib/cloud-init/stages"
cp "$here/stages.modules" "$root/usr/lib/cloud-init/"
cat >"$units/cloud-init-stages.service" <<'UNIT'
[Unit]
Description=The code of cloud-init, loaded once for all stages
DefaultDependencies=no
After=systemd-remount-fs.service
Before=cloud-init-local.service shutdown.target
Conflicts=shutdown.target
[Service]
Type=notify
ExecStart=/usr/lib/cloud-init/stages
StandardOutput=journal+console
StandardError=journal+console
KillMode=process
TasksMax=infinity
TimeoutStartSec=0
UNIT
for pair in cloud-init-local:local cloud-init:network cloud-config:config cloud-final:final; do
    mkdir -p "$units/${pair%:*}.service.d"
    cat >"$units/${pair%:*}.service.d/stages.conf" <<UNIT
[Unit]
Requires=cloud-init-stages.service
After=cloud-init-stages.service
[Service]
ExecStart=
ExecStart=/bin/sh -c 'echo ${pair#*:} >/run/cloud-init-stages/ask; read -r code </run/cloud-init-stages/answer; exit \$code'
UNIT
done
# The disk it reads may be a SCSI one, whose driver udev loads.
cat >"$units/cloud-init-local.service.d/settled.conf" <<'UNIT'
[Unit]
After=systemd-udev-trigger.service
[Service]
ExecStartPre=-/bin/udevadm settle --timeout=30
UNIT
# Always on: no generator asks which cloud this is.
mkdir -p "$units/multi-user.target.wants"
ln -sf /lib/systemd/system/cloud-init.target "$units/multi-user.target.wants/"

# ------------------------------------------------------------------ network, names, time, SSH
for unit in acpid systemd-networkd ssh; do
    ln -sf "/lib/systemd/system/$unit.service" "$units/multi-user.target.wants/"
done
ln -sf /lib/systemd/system/ssh.service "$units/sshd.service"
mkdir -p "$units/network-online.target.wants" "$units/sysinit.target.wants"
ln -sf /lib/systemd/system/systemd-networkd-wait-online.service "$units/network-online.target.wants/"
ln -sf /lib/systemd/system/systemd-timesyncd.service "$units/sysinit.target.wants/"
# systemd-resolved would bring D-Bus: what networkd was told is all there is to know.
cat >"$root/usr/lib/resolv-conf" <<'RESOLV'
#!/bin/sh
while IFS='=' read -r key value; do
    case $key in
        DNS) for server in $value; do echo "nameserver $server"; done ;;
        DOMAINS) echo "search $value" ;;
    esac
done </run/systemd/netif/state >/etc/resolv.conf
RESOLV
chmod 755 "$root/usr/lib/resolv-conf"
cat >"$units/resolv-conf.service" <<'UNIT'
[Unit]
Description=Write the name servers that networkd was told to resolv.conf
DefaultDependencies=no
After=systemd-networkd-wait-online.service
Before=network-online.target cloud-init.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/resolv-conf
UNIT
ln -sf ../resolv-conf.service "$units/network-online.target.wants/"
mkdir -p "$units/systemd-networkd-wait-online.service.d" "$units/ssh.service.d"
printf '[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online --any --timeout=60\n' \
    >"$units/systemd-networkd-wait-online.service.d/any.conf"
# The key is there before SSH starts, and cloud-init has checked nothing that `sshd -t` would.
printf '[Service]\nExecStartPre=\n' >"$units/ssh.service.d/quick.conf"
cat >"$root/etc/ssh/sshd_config" <<'SSHD'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
KexAlgorithms -sntrup761x25519-sha512@openssh.com
PrintMotd no
UseDNS no
UsePAM yes
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
SSHD
rm -f "$root"/etc/ssh/ssh_host_*
# Time only once cloud-init said from where: Debian's own servers are on the Internet.
mkdir -p "$root/etc/systemd/timesyncd.conf.d" "$units/systemd-timesyncd.service.d"
printf '[Time]\nFallbackNTP=\n' >"$root/etc/systemd/timesyncd.conf.d/00-none.conf"
printf '[Unit]\nConditionPathExists=/etc/systemd/timesyncd.conf.d/cloud-init.conf\n' \
    >"$units/systemd-timesyncd.service.d/told.conf"
# Nothing to say at a login.
sed -i -E '/pam_(motd|mail)\.so/d' "$root/etc/pam.d/sshd" "$root/etc/pam.d/login"

# The power button is how a hypervisor stops a machine. systemd-logind would hear it, but by D-Bus.
mkdir -p "$root/etc/acpi/events"
printf 'event=button[ /]power.*\naction=/sbin/poweroff\n' >"$root/etc/acpi/events/power"
rm -f "$root"/etc/acpi/events/powerbtn*

# ------------------------------------------------------------------ what a start need not do
mkdir -p "$root/etc/systemd/system-generators" "$root/etc/systemd/journald.conf.d"
for generator in "$root"/lib/systemd/system-generators/*; do
    name=$(basename "$generator")
    case $name in
        systemd-fstab-generator | systemd-debug-generator) ;;
        *) ln -sf /dev/null "$root/etc/systemd/system-generators/$name" ;;
    esac
done
for unit in apt-daily.timer apt-daily-upgrade.timer cloud-init-hotplugd.socket dev-hugepages.mount \
    dev-mqueue.mount dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    getty.target kmod-static-nodes.service modprobe@.service proc-sys-fs-binfmt_misc.automount \
    remote-fs.target sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount systemd-ask-password-console.path systemd-ask-password-wall.path \
    systemd-binfmt.service systemd-boot-system-token.service systemd-firstboot.service \
    systemd-hwdb-update.service systemd-initctl.socket systemd-journal-catalog-update.service \
    systemd-journal-flush.service systemd-machine-id-commit.service systemd-network-generator.service \
    systemd-pcrphase-initrd.service systemd-pcrphase-sysinit.service systemd-pcrphase.service \
    systemd-pstore.service systemd-sysext.service systemd-sysusers.service \
    systemd-tmpfiles-clean.timer systemd-update-done.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service; do
    ln -sf /dev/null "$units/$unit"
done
# No keyboards, cameras, sound cards or tapes; the hardware database they would ask is gone too.
for rules in 55-dm 60-autosuspend 60-cdrom_id 60-drm 60-evdev 60-fido-id 60-infiniband 60-input-id \
    60-persistent-alsa 60-persistent-input 60-persistent-storage-dm 60-persistent-storage-tape \
    60-persistent-v4l 60-sensor 64-btrfs 66-azure-ephemeral 70-camera 70-joystick 70-memory 70-mouse \
    70-power-switch 70-touchpad 70-uaccess 71-seat 73-seat-late 73-special-net-names 75-probe_mtd \
    78-sound-card 81-net-dhcp 85-hwclock 95-dm-notify 96-e2scrub; do
    rm -f "$root/lib/udev/rules.d/$rules.rules"
done
rm -f "$units"/timers.target.wants/* "$units"/*/e2scrub* "$units"/getty.target.wants/*
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nAudit=no\n' \
    >"$root/etc/systemd/journald.conf.d/lab.conf"
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
: >"$root/etc/.updated"
: >"$root/var/.updated"

# ------------------------------------------------------------------ nothing of this build
echo localhost >"$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
: >"$root/etc/machine-id"
rm -f "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id" && : >"$root/etc/resolv.conf"
printf 'LABEL=cloudimg-rootfs / ext4 defaults 0 1\n' >"$root/etc/fstab"
in_root dpkg --purge --force-all busybox-static cpio mtools syslinux syslinux-common systemd-boot-efi \
    >/dev/null 2>&1
# User data is checked with this very schema before a machine is made; here it would take seconds.
rm -rf "$root"/usr/lib/python3/dist-packages/jsonschema*
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info \
    "$root"/usr/share/lintian "$root"/usr/share/i18n "$root"/usr/share/bash-completion \
    "$root"/usr/share/initramfs-tools "$root"/var/lib/initramfs-tools "$root"/usr/share/perl5 "$root"/usr/share/zsh \
    "$root"/usr/lib/udev/hwdb.bin "$root"/usr/lib/udev/hwdb.d \
    "$root"/var/lib/apt/lists "$root"/var/cache/apt "$root"/var/cache/debconf "$root"/var/cache/ldconfig \
    "$root"/var/log/*.log "$root"/var/log/apt "$root"/var/log/journal \
    "$root"/boot/System.map-* "$root"/boot/initrd.img-* "$root"/boot/config-* \
    "$root"/usr/lib/python3*/test "$root"/usr/lib/python3*/idlelib "$root"/usr/lib/python3*/lib2to3 \
    "$root"/usr/share/perl "$root"/usr/lib/x86_64-linux-gnu/perl "$root"/usr/bin/perl5* \
    "$root"/usr/lib/python3*/ensurepip "$root"/usr/lib/python3*/pydoc_data
find "$root/usr/lib/x86_64-linux-gnu/gconv" -name '*.so' -delete
# Compiled without a look at the source at each import, and the same in each build.
find "$root/usr/lib" -name __pycache__ -prune -exec rm -rf {} +
in_root python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.11 /usr/lib/python3
rm -f "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/shadow- "$root"/etc/gshadow-
