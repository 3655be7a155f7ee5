#!/bin/sh
# Runs cargo-deny with these arguments. Where it is not there yet it is built first, once for all checkouts of a user: it
# takes two minutes of a processor, and needs no root.
#
#   tools/cargo-deny.sh --version
set -eu

version=0.20.2
home=${XDG_CACHE_HOME:-$HOME/.cache}/telemetrics-client/cargo-deny-$version

if [ ! -x "$home/bin/cargo-deny" ]; then
    echo "cargo-deny: building version $version into $home, once" >&2
    # Its own profile has the slowest build that there is, for a program that runs for a second.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        "${CARGO:-cargo}" install --quiet --locked --root "$home" "cargo-deny@$version" >&2
fi
exec "$home/bin/cargo-deny" "$@"
