#!/bin/bash
# Makes what the kernel test boots: Debian's kernel, a module that makes it fail, and an initramfs with our programs.
#
#   tests/kernel/prepare.sh OUTPUT PROGRAM...
#
# Writes OUTPUT/vmlinuz and OUTPUT/initramfs. The kernel is that of the installed linux-headers-amd64; its image is taken
# from Debian's package without installing it, since a machine's own kernels are nobody's business here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
output=$1
shift

fail() {
    echo "prepare.sh: $*" >&2
    exit 1
}

# Of several, the newest.
headers=$(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -n 1)
[ -n "$headers" ] || fail "linux-headers-amd64 is not installed; make deps installs it"
version=${headers#/usr/src/linux-headers-}

# What the guest needs of the kernel's modules, in the order in which they are loaded. Newer kernels have some of them
# built in, or in one another.
modules='drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_legacy_dev
drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci fs/netfs/netfs fs/fscache/fscache net/9p/9pnet
net/9p/9pnet_virtio fs/9p/9p lib/reed_solomon/reed_solomon'

# Kept from run to run: 70 MB to fetch and to unpack.
kernel=$output/kernel-$version
if [ ! -e "$kernel/complete" ]; then
    rm -rf "$output"/kernel-*
    mkdir -p "$kernel/package"
    chmod 755 "$kernel/package"
    (
        cd "$kernel/package"
        apt-get -q download "linux-image-$version" >&2 || { apt-get -q update >&2 && apt-get -q download "linux-image-$version" >&2; }
    ) || fail "Debian's package linux-image-$version cannot be fetched; make deps gets the headers of the current one"
    paths=(./boot/vmlinuz-"$version")
    for module in $modules fs/pstore/ramoops; do
        # Debian 13 packs them.
        paths+=("./*lib/modules/$version/kernel/$module.ko*")
    done
    dpkg-deb --fsys-tarfile "$kernel"/package/*.deb | tar -x -C "$kernel" --wildcards "${paths[@]}" 2>/dev/null || true
    [ -e "$kernel/boot/vmlinuz-$version" ] || fail "no kernel in the package linux-image-$version"
    # Debian 13 has all below /usr.
    [ ! -d "$kernel/usr/lib" ] || mv "$kernel/usr/lib" "$kernel/lib"
    find "$kernel/lib" -name '*.xz' -exec unxz {} +
    rm -r "$kernel/package"
    touch "$kernel/complete"
fi

build=$output/module
mkdir -p "$build"
cp "$here/provoke.c" "$here/Kbuild" "$build"
make -s -C "/lib/modules/$version/build" M="$build" modules >&2 ||
    make -s -C "$headers" M="$build" modules >&2 || fail "the module does not build with the headers of $version"

root=$output/root
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,modules,shared}
cp "$(command -v busybox)" "$root/bin/busybox"
"$root/bin/busybox" --install -s "$root/bin" 2>/dev/null
# Links that name the copy by where it is now.
for applet in "$root"/bin/*; do
    [ ! -L "$applet" ] || ln -sf busybox "$applet"
done
number=10
for module in $modules; do
    file=$kernel/lib/modules/$version/kernel/$module.ko
    [ ! -e "$file" ] || cp "$file" "$root/modules/$number-${module##*/}.ko"
    number=$((number + 1))
done
cp "$kernel/lib/modules/$version/kernel/fs/pstore/ramoops.ko" "$build/provoke.ko" "$root/modules"
for program in "$@"; do
    strip -o "$root/bin/${program##*/}" "$program"
    # The libraries that it was linked with, at the paths where it expects them.
    ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
done
install -m 755 "$here/init.sh" "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$output/initramfs"
cp "$kernel/boot/vmlinuz-$version" "$output/vmlinuz"
