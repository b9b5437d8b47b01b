# Sourced by recipes of bootable disks, with `in_root` and:
#   root    the new root, in which busybox-static, cpio, mtools, syslinux-common and systemd-boot-efi are
#   here    the recipe's folder, whose `cmdline` is the kernel's
#   shared  this folder
# Leaves /boot/vmlinuz, /boot/initrd, /boot/esp.img and /boot/gptmbr.bin there.
# shellcheck shell=sh
kernel=$(basename "$root"/lib/modules/*)

# ------------------------------------------------------------------ kernel and its modules
depends() { in_root modprobe --set-version "$kernel" --show-depends "$1" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'; }

keep=$(mktemp)
grep -v '^#' "$shared/modules" | while read -r module; do depends "$module" || true; done | sort -u >"$keep"
find "$root/lib/modules" -name '*.ko*' -printf '/lib/modules/%P\n' | sort |
    comm -23 - "$keep" | while read -r unwanted; do rm "$root$unwanted"; done
rm "$keep"
find "$root/lib/modules" -type d -empty -delete
in_root depmod "$kernel"

# Which modules the initrd loads, each after what it depends on: a virtio disk, else a SCSI one.
initrd=$root/initrd
mkdir -p "$initrd/bin" "$initrd/dev" "$initrd/proc" "$initrd/system" "$initrd/modules"
cp "$root/bin/busybox" "$initrd/bin/busybox"
install -m 755 "$shared/init" "$initrd/init"
mknod -m 600 "$initrd/dev/console" c 5 1
listed() { for module in "$@"; do depends "$module"; done | awk '!seen[$0]++'; }
listed crc32c-intel virtio_pci virtio_blk ext4 >"$root/first"
listed virtio_scsi sd_mod | grep -vxF -f "$root/first" >"$root/others"
for list in first others; do
    while read -r module; do
        cp "$root$module" "$initrd/modules/"
        basename "$module" >>"$initrd/modules/$list"
    done <"$root/$list"
    rm "$root/$list"
done
find "$initrd" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
in_root sh -c 'cd /initrd && find . | LC_ALL=C sort | cpio --quiet --reproducible --format=newc --create >/boot/initrd'
rm -rf "$initrd"
mv "$root/boot/vmlinuz-$kernel" "$root/boot/vmlinuz"
rm -f "$root"/vmlinuz* "$root"/initrd.img*

# ------------------------------------------------------------------ boot partition: BIOS and UEFI
# A FAT with SYSLINUX for the one and systemd-boot for the other, around the same kernel.
read -r words <"$here/cmdline"
printf 'DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nSERIAL 0 115200\nLABEL linux\n LINUX /vmlinuz\n INITRD /initrd\n APPEND %s\n' \
    "$words" >"$root/boot/syslinux.cfg"
printf 'timeout 0\ndefault linux.conf\n' >"$root/boot/loader.conf"
printf 'title Linux\nlinux /vmlinuz\ninitrd /initrd\noptions %s\n' "$words" >"$root/boot/linux.conf"
touch --date="@$SOURCE_DATE_EPOCH" "$root"/boot/*
cp --preserve=timestamps "$root/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$root/boot/BOOTX64.EFI"
in_root sh -eu <<'BOOT'
cd /boot
export MTOOLS_SKIP_CHECK=1
truncate --size=32M esp.img
mformat -i esp.img -N 42484344 -v EFI ::
mmd -i esp.img ::/EFI ::/EFI/BOOT ::/loader ::/loader/entries
mcopy -m -i esp.img vmlinuz initrd syslinux.cfg ::/
mcopy -m -i esp.img BOOTX64.EFI ::/EFI/BOOT/
mcopy -m -i esp.img loader.conf ::/loader/
mcopy -m -i esp.img linux.conf ::/loader/entries/
syslinux --install esp.img
cp /usr/lib/syslinux/mbr/gptmbr.bin .
rm -f syslinux.cfg loader.conf linux.conf BOOTX64.EFI
BOOT
