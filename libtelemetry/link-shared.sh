#!/bin/sh
# Links libtelemetry.so.4 from the static library that cargo builds.
#
#   link-shared.sh STATIC_LIB OUTPUT_DIR
#
# Makes OUTPUT_DIR/libtelemetry.so.4.0.1 and the links libtelemetry.so.4 and libtelemetry.so.
# CC (cc) is the linker driver; LDFLAGS are passed to it.
#
# Not a cdylib of cargo's: rustc writes a version script of its own for one, and next to it ours is
# refused by GNU ld and loses its version nodes in others.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 STATIC_LIB OUTPUT_DIR" >&2
    exit 2
fi
static_lib=$1
output_dir=$2
source_dir=$(dirname -- "$0")
map=$source_dir/libtelemetry.map
soname=libtelemetry.so.4
real_name=$soname.0.1

if [ ! -f "$static_lib" ]; then
    echo "$0: $static_lib is missing; run \`cargo build -p libtelemetry\` first" >&2
    exit 1
fi

# Each symbol of the map is asked for, or nothing of the archive would be linked; one that is not there is
# an error.
required=$(sed -n 's/^ *\(tm_[a-z_]*\);$/-Wl,--require-defined=\1/p' "$map")

# What `rustc --print native-static-libs` names. --as-needed leaves out what a newer C library has in itself.
system_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

mkdir -p -- "$output_dir"
# Linked beside its place and renamed: a program that runs with the old one keeps it.
unfinished=$output_dir/.$real_name.$$
trap 'rm -f -- "$unfinished"' EXIT

# Word splitting of the lists is meant.
# shellcheck disable=SC2086
"${CC:-cc}" -shared -o "$unfinished" \
    -Wl,-soname,"$soname" \
    -Wl,--version-script,"$map" \
    -Wl,--no-undefined-version \
    -Wl,--no-undefined \
    -Wl,--gc-sections \
    -Wl,--build-id \
    -Wl,-z,relro,-z,now \
    $required \
    "$static_lib" \
    -Wl,--as-needed $system_libs \
    ${LDFLAGS:-}

mv -f -- "$unfinished" "$output_dir/$real_name"
ln -sf -- "$real_name" "$output_dir/$soname"
ln -sf -- "$soname" "$output_dir/libtelemetry.so"
