#!/bin/bash
# Builds the fuzz targets and runs each for some seconds, on its seeds and what earlier runs found.
#
#   fuzz/run.sh SECONDS [TARGET...]
#
# libFuzzer's coverage counters come from an LLVM pass that the stable compiler has, so that neither a
# nightly compiler nor cargo-fuzz is needed.
set -euo pipefail

cd "$(dirname "$0")"
run_secs=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
cargo=${CARGO:-cargo}
host=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')

# Longest input of each target, in bytes: a little past what its parser takes, where that is small.
declare -A max_len=(
    [wire_frame]=16384
    [spool_file]=32768
    [header_lines]=4096
    [configuration]=4096
    [journal_line]=2048
    [core_head]=16384
    [call_frame_information]=32768
    [debug_data]=65536
    [go_table]=4096
    [package_note]=5120
    [package_lists]=8192
    [worker_protocol]=16384
    [journal_entry]=16384
    [kernel_log]=16384
    [kernel_log_form]=16384
    [pstore]=32768
    [group]=16384
    [machine_lists]=8192
    [check_output]=8192
    [check_definitions]=4096
    [snmp]=8192
    [openmetrics]=8192
    [pulled_answer]=8192
    [soap_answer]=16384
    [soap_request]=8192
    [monitoring_params]=4096
    [proc_files]=8192
    [request_head]=1024
    [http_answer]=2048
    [pull_definitions]=4096
    [sync_request]=4096
    [sync_batch]=16384
    [trust_file]=8192
    [certificate]=8192
    [identity_pem]=16384
    [announcement]=4200
    [preimages]=8192
)
if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(printf '%s\n' "${!max_len[@]}" | sort); fi
for target in "${targets[@]}"; do
    [ -n "${max_len[$target]:-}" ] || { echo "fuzz: no such target: $target (${!max_len[*]})" >&2; exit 2; }
done

flags=(
    --cfg fuzzing
    # As .cargo/config.toml, whose place these take.
    --cfg 'getrandom_backend="linux_getrandom"'
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
)
# A named target keeps the flags away from build scripts and macros, which run without libFuzzer.
echo "fuzz: building ${#targets[@]} targets"
RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR=$PWD/target \
    "$cargo" build --release --locked --quiet --target "$host"

# 255 has xargs start no other.
run_target() {
    local target=$1 max_len=$2 log=artifacts/$1/log reached runs
    mkdir -p "corpus/$target" "artifacts/$target"
    if ! "target/$host/release/$target" "corpus/$target" "seeds/$target" \
        -max_total_time="$run_secs" -max_len="$max_len" -rss_limit_mb=1024 -timeout=10 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target failed; the input is in fuzz/artifacts/$target, and this shows it again:" >&2
        echo "  fuzz/target/$host/release/$target fuzz/artifacts/$target/INPUT" >&2
        exit 255
    fi
    reached=$(sed -n 's/^#.*DONE *cov: \([0-9]*\).*/\1/p' "$log")
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    # Without counters libFuzzer only throws dice.
    if [ "${reached:-0}" -lt 40 ]; then
        echo "fuzz: $target saw no coverage (${reached:-none}): did the compiler take the flags of run.sh?" >&2
        exit 255
    fi
    echo "fuzz: $target: $runs runs in $run_secs s, $reached places reached, nothing found"
}
export -f run_target
export host run_secs

for target in "${targets[@]}"; do
    echo "$target ${max_len[$target]}"
done | xargs -P "$(nproc)" -L 1 bash -c 'run_target "$@"' run_target
