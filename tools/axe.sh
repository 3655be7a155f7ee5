#!/bin/sh
# Prints where axe-core's script is, by which the tests of the pages find what people with disabilities would stumble
# over. Where it is not there yet it is fetched from npm first, once for all checkouts of a user. It is in the tests
# alone: nothing of it is built in or given away (it is under MPL-2.0).
set -eu

version=4.14.1
sum=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
home=${XDG_CACHE_HOME:-$HOME/.cache}/telemetrics-client/axe-core-$version

if [ ! -e "$home/axe.min.js" ]; then
    echo "axe-core: fetching version $version into $home, once" >&2
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    # Only unpacked: no script of a package is run.
    (cd "$scratch" && npm pack --silent "axe-core@$version" >/dev/null && tar -xzf "axe-core-$version.tgz") ||
        { echo "axe-core: npm cannot fetch it" >&2; exit 1; }
    echo "$sum  $scratch/package/axe.min.js" | sha256sum --check --quiet >&2 ||
        { echo "axe-core: what npm fetched is not version $version as it was pinned" >&2; exit 1; }
    mkdir -p "$home"
    cp "$scratch/package/LICENSE" "$home/"
    cp "$scratch/package/axe.min.js" "$home/axe.min.js.new"
    mv "$home/axe.min.js.new" "$home/axe.min.js"
fi
echo "$home/axe.min.js"
