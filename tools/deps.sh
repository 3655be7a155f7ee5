#!/bin/sh
# Checks that what the build needs is installed: the Debian packages below and a Rust toolchain. On Debian
# and its children root gets what is missing; anyone else is shown the command.
#
#   tools/deps.sh build    what `make build` and `make demo` need
#   tools/deps.sh test     that, and what `make test` needs besides
#   tools/deps.sh deb      what `make deb` needs
#   tools/deps.sh rpm      what `make rpm` needs
#   tools/deps.sh packages the packages for all of them, and no look at Rust: for sudo
#
# No package starts anything here, now or at the next boot: the tests start their own nginx, PostgreSQL and debuginfod.
set -eu

build_packages='gcc make binutils pkg-config libc6-dev libcurl4-openssl-dev libsqlite3-dev libsystemd-dev libzstd-dev curl'
# g++ for libFuzzer, mandoc and shellcheck for the checks of their names, systemd for systemd-socket-activate
# and systemd-analyze, valgrind for the C interface, nginx and openssl for delivery over TLS.
# systemd-container and systemd-journal-remote: units that fail in a container, and journals made of text. debootstrap:
# a machine to install the packages on. faketime: a clock that is stepped. strace: in which order files are written, and calls of the system that fail.
# nftables, iproute2: a network without a way out, and what counts that nothing left it.
# postgresql: the collector before a server, which the tests start themselves. rpm: the collector has its order of versions.
# chromium, its driver and a font: the collector's pages, as people see them.
# apache2-utils: ab, which posts to the collector in its bench.
# debuginfod: a server of debug files, which the tests start themselves.
# gdb, elfutils, libc6-dbg, xz-utils, dwz, a compiler of Go, and a compiler and an emulator for aarch64: crashes, and what
# debuggers say of them.
test_packages='apache2-utils chromium chromium-driver debootstrap debuginfod dwz e2fsprogs elfutils faketime fonts-dejavu-core g++ gcc-aarch64-linux-gnu gdb golang-go iproute2 libc6-dbg libc6-dev-arm64-cross lintian mandoc
libxml2-utils monitoring-plugins-basic monitoring-plugins-standard mount nftables nginx openssl postgresql prometheus prometheus-node-exporter
python3-nagiosplugin python3-prometheus-client python3-pysnmp4 python3-zeep qemu-user-static rpm shellcheck smitools snmp snmpd strace systemd systemd-container systemd-journal-remote valgrind xz-utils'
# monitoring-plugins, prometheus and its node exporter, snmp, snmpd, smitools and the modules of python3: who asks how the
# machine is, and what it is compared with.
# A machine whose kernel fails. Its kernel is fetched by the test, of the version of these headers, and not installed:
# only Debian on amd64 has this one, elsewhere the test is skipped.
kernel_packages='linux-headers-amd64 busybox-static qemu-system-x86'
# systemd says where units belong, from Debian 13 on systemd-dev; dpkg-buildpackage takes build-essential for granted.
package_packages='build-essential debhelper dpkg-dev systemd'
rpm_packages='cpio rpm rpmlint'
# What shows on other systems that those packages' counterparts are there.
build_commands='cc make ar readelf pkg-config curl'
test_commands='aarch64-linux-gnu-gcc c++ chromedriver chromium debuginfod dwz eu-stack gdb go ip nft qemu-aarch64-static xmllint xz mandoc mkfs.ext4 mount nginx openssl postgres shellcheck strace systemd-nspawn systemd-socket-activate valgrind'
build_libraries='libcurl sqlite3 libsystemd libzstd'
# Where nginx is, and which is not on everybody's path.
PATH=$PATH:/usr/sbin:/sbin

if [ "${WITHOUT_LIBSYSTEMD:-}" = 1 ]; then
    build_packages=$(printf '%s' "$build_packages" | sed 's/libsystemd-dev//')
    build_libraries=$(printf '%s' "$build_libraries" | sed 's/libsystemd//')
fi

root=$(cd "$(dirname "$0")/.." && pwd)
cargo=${CARGO:-cargo}

purpose=${1:-test}
case $purpose in
build) packages=$build_packages commands=$build_commands ;;
deb) packages="$build_packages $package_packages" commands="$build_commands dh dpkg-buildpackage" ;;
rpm) packages="$build_packages $rpm_packages" commands="$build_commands rpmbuild rpmlint" ;;
test | packages) packages="$build_packages $test_packages $package_packages $rpm_packages" commands="$build_commands $test_commands" ;;
*) echo "usage: tools/deps.sh [build|test|deb|rpm|packages]" >&2; exit 2 ;;
esac

fail() {
    printf 'deps: %s\n' "$@" >&2
    exit 1
}

# Packages that not every system has: adds those that are there, if the first of them is.
add_where_known() {
    # A machine that was just installed has no lists yet.
    [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit)" ] || [ "$(id -u)" != 0 ] || apt-get -q update
    # A name that others only refer to is known, but has nothing to show.
    [ -z "$(apt-cache show "$1" 2>/dev/null)" ] || packages="$packages $*"
}

add_packages_of_some_systems() {
    # Whoever has it from elsewhere keeps it: Debian's comes with hundreds of packages.
    case $purpose in
    test | packages) command -v npm >/dev/null || add_where_known npm ;;
    esac
    case $purpose in
    test | packages)
        # shellcheck disable=SC2086 # a list of names
        add_where_known $kernel_packages
        ;;
    esac
    case $purpose in
    test | packages | deb) add_where_known systemd-dev ;;
    esac
}

missing_packages() {
    for package in $packages; do
        status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) || status=
        case $status in
        *' ok installed') ;;
        *) printf ' %s' "$package" ;;
        esac
    done
}

install_debian_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || fail "these packages are missing:$missing" "install them with:" \
        "  sudo $root/tools/deps.sh packages"
    echo "deps: installing$missing"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get update || fail "apt-get update failed; the packages$missing are still missing"
    start_nothing
    # shellcheck disable=SC2086 # a list of names
    apt-get install -y --no-install-recommends $missing || fail "apt-get could not install$missing"
    case $missing in
    *' nginx'*) systemctl disable nginx.service >/dev/null 2>&1 || update-rc.d nginx disable ;;
    esac
    case $missing in
    *' debuginfod'*) systemctl disable debuginfod.service >/dev/null 2>&1 || true ;;
    esac
    for service in prometheus prometheus-node-exporter snmpd; do
        case $missing in
        *" $service"*) systemctl disable "$service.service" >/dev/null 2>&1 || update-rc.d "$service" disable ;;
        esac
    done
    case $missing in
    *' postgresql'*) systemctl disable postgresql.service >/dev/null 2>&1 || update-rc.d postgresql disable ;;
    esac
}

# While packages are installed, invoke-rc.d starts no service (Debian Policy 9.3.3). Who has a policy
# of his own keeps it.
start_nothing() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || return 0
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

check_commands() {
    missing=
    for command in $commands; do
        command -v "$command" >/dev/null || missing="$missing $command"
    done
    for library in $build_libraries; do
        pkg-config --exists "$library" 2>/dev/null || missing="$missing $library(-devel)"
    done
    [ -z "$missing" ] || fail "not a Debian system, and missing here:$missing" \
        "install what corresponds to the Debian packages: $packages"
}

check_rust() {
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    advice="get it from https://rustup.rs/ (then: rustup update stable)"
    version=$("$cargo" --version 2>/dev/null) || fail "cargo is missing; Rust $needed or later is needed" "$advice"
    version=$(echo "$version" | cut -d ' ' -f 2)
    oldest=$(printf '%s\n' "$needed" "${version%%-*}" | sort -V | head -n 1)
    [ "$oldest" = "$needed" ] || fail "cargo is $version; Rust $needed or later is needed" "$advice"
    [ "$purpose" != test ] || for component in clippy fmt; do
        "$cargo" "$component" --version >/dev/null 2>&1 ||
            fail "cargo $component is missing; get it with: rustup component add clippy rustfmt"
    done
}

check_axe() {
    "$root/tools/axe.sh" >/dev/null || fail "axe-core is missing and cannot be fetched" "see above; the tests of pages need it"
}

check_cargo_deny() {
    "$root/tools/cargo-deny.sh" --version >/dev/null || fail "cargo-deny is missing and cannot be built" \
        "see above; \`make check-dependencies\` needs it"
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    add_packages_of_some_systems
    install_debian_packages
else
    check_commands
fi
[ "$purpose" != packages ] || exit 0
check_rust
[ "$purpose" != test ] || check_axe
[ "$purpose" != test ] || check_cargo_deny
echo "deps: all there (cargo $version)"
