#!/bin/sh
# Checks that the version of Cargo.toml is that of the library's file, of both kinds of packages, and the newest in
# CHANGELOG.md, whose changes since then stand under `Unreleased`.
set -eu
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
failed=0

expect() {
    [ "$2" = "$version" ] || {
        echo "versions: $1 has ${2:-none}, Cargo.toml $version" >&2
        failed=1
    }
}

expect 'shared_name in Makefile' "$(sed -n 's/^shared_name *:= libtelemetry\.so\.//p' Makefile)"
expect 'debian/changelog' "$(sed -n '1s/^[^(]*(\(.*\)-[^-]*).*/\1/p' debian/changelog)"
expect 'Version in rpm/telemetrics.spec' "$(sed -n 's/^Version: *//p' rpm/telemetrics.spec)"
expect '%changelog in rpm/telemetrics.spec' "$(sed -n 's/^\* .* - \(.*\)-[^-]*$/\1/p' rpm/telemetrics.spec | head -n 1)"
expect 'CHANGELOG.md' "$(sed -n 's/^## \[\([0-9].*\)\] - [0-9-]*$/\1/p' CHANGELOG.md | head -n 1)"
grep -qxF '## [Unreleased]' CHANGELOG.md || {
    echo 'versions: CHANGELOG.md has no place for what comes next: ## [Unreleased]' >&2
    failed=1
}
[ "$failed" = 0 ] || exit 1
echo "versions: $version everywhere"
