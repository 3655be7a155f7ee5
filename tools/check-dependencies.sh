#!/bin/bash
# Checks the crates that the build takes from others, by deny.toml: licences, bans, sources, and known faults where the
# list of those can be had.
set -euo pipefail
cd "$(dirname "$0")/.."

manifests=(Cargo.toml fuzz/Cargo.toml)

check() {
    local manifest=$1
    shift
    # Each part uses some of the licences only.
    tools/cargo-deny.sh --locked --log-level error --manifest-path "$manifest" --config deny.toml check \
        -A license-not-encountered -A license-exception-not-encountered -A unmatched-wrapper "$@"
}

for manifest in "${manifests[@]}"; do
    check "$manifest" bans licenses sources
done
# A machine without a way to it must not wait for long, and is no reason to fail: the next machine has one.
if reason=$(timeout 60 tools/cargo-deny.sh --log-level error fetch db 2>&1); then
    for manifest in "${manifests[@]}"; do
        check "$manifest" advisories
    done
    echo 'dependencies: no objections'
else
    echo "dependencies: no objections; known faults (RustSec) were not checked: $(grep . <<<"$reason" | tail -n 1)"
fi
