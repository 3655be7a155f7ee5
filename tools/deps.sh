#!/bin/sh
# Checks that what the build needs is installed: the Debian packages below and a Rust toolchain. On Debian
# and its children root gets what is missing; anyone else is told the command.
#
#   tools/deps.sh build    what `make build` and `make demo` need
#   tools/deps.sh test     that, and what `make test` needs besides
set -eu

build_packages='gcc make binutils pkg-config libc6-dev libcurl4-openssl-dev libsqlite3-dev curl'
# g++ for libFuzzer, mandoc and shellcheck for the checks of their names, systemd for systemd-socket-activate
# and systemd-analyze, valgrind for the C interface.
test_packages='g++ mandoc shellcheck systemd valgrind'
# What shows on other systems that those packages' counterparts are there.
build_commands='cc make ar readelf pkg-config curl'
test_commands='c++ mandoc shellcheck systemd-socket-activate valgrind'
build_libraries='libcurl sqlite3'

root=$(cd "$(dirname "$0")/.." && pwd)
cargo=${CARGO:-cargo}

case ${1:-test} in
build) packages=$build_packages commands=$build_commands ;;
test) packages="$build_packages $test_packages" commands="$build_commands $test_commands" ;;
*) echo "usage: tools/deps.sh [build|test]" >&2; exit 2 ;;
esac

fail() {
    printf 'deps: %s\n' "$@" >&2
    exit 1
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
    install="apt-get install -y --no-install-recommends$missing"
    [ "$(id -u)" = 0 ] || fail "these packages are missing; install them with:" "  sudo $install"
    echo "deps: installing$missing"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get update || fail "apt-get update failed; the packages$missing are still missing"
    # shellcheck disable=SC2086 # a list of names
    apt-get install -y --no-install-recommends $missing || fail "apt-get could not install$missing"
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
    [ "$packages" = "$build_packages" ] || for component in clippy fmt; do
        "$cargo" "$component" --version >/dev/null 2>&1 ||
            fail "cargo $component is missing; get it with: rustup component add clippy rustfmt"
    done
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    install_debian_packages
else
    check_commands
fi
check_rust
echo "deps: all there (cargo $version)"
