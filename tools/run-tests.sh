#!/bin/bash
# Builds all tests of the workspace, as `cargo test --workspace` does, and runs their programs, several at a time: most
# of them wait more than they compute. Ends at the first that fails, once those that run beside it have ended.
#
#   tools/run-tests.sh [LOG]      every program's output goes to LOG as well
set -euo pipefail

cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
log=${1:-/dev/null}
: >"$log"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# It takes minutes, of one processor: begun first, so that it is not waited for alone.
first=' tests/crash_corpus '
# Each keeps the whole machine busy: beside it others would only be late.
alone=' tests/torture_checks backend/telem_collector backend/process backend/browser '

echo 'tests: building'
"$cargo" test --workspace --locked --no-run --quiet --message-format=json-render-diagnostics |
    sed -n 's|^{"reason":"compiler-artifact",.*"manifest_path":"\([^"]*/\([^"/]*\)\)/Cargo.toml",.*"name":"\([^"]*\)",.*"profile":{[^}]*"test":true},.*"executable":"\([^"]*\)".*|\2/\3 \1 \4|p' \
        >"$scratch/programs"
[ -s "$scratch/programs" ] || { echo 'tests: cargo named no program' >&2; exit 1; }

# The output of one, once it has ended: several at a time would be mixed. 255 has xargs start no other.
run_program() {
    local name=$1 package=$2 program=$3 status=0
    local output=$scratch/${program##*/}
    (cd "$package" && CARGO_MANIFEST_DIR=$package "$program") >"$output" 2>&1 || status=$?
    {
        echo "Running ${program#"$PWD"/}"
        cat "$output"
    } | tee -a "$log"
    [ "$status" = 0 ] && return
    echo "tests: $name failed; again with: cd $package && $program" >&2
    exit 255
}
export -f run_program
export scratch log

# Those of a list, so many at a time.
run_beside() {
    xargs -r -P "$1" -L 1 bash -c 'run_program "$@"' run_program
}

# Lines of the list whose name stands in $1, or (with !) does not.
named() {
    awk -v names="$1" -v unless="${2:-}" '(index(names, " " $1 " ") > 0) != (unless == "!")' "$scratch/programs"
}

{ named "$first" && named "$first$alone" '!'; } | run_beside "$(($(nproc) + 1))"
named "$alone" | run_beside 1
"$cargo" test --workspace --locked --doc --quiet 2>&1 | tee -a "$log"
