#!/bin/sh
# Checks that the house is built as ARCHITECTURE.md says: which room may use which, no circle among the modules at the
# top of a crate, no source file of more than 350 lines, tests apart, and that the client and its tests are built
# without tokio, SQL and a browser.
#
#   tools/check-structure.sh           check, and print what is wrong
#   tools/check-structure.sh arrows    print which room uses which
set -eu
cd "$(dirname "$0")/.."

longest_file=350

# A room, and those it may use. Of programs, what they need of the floors below; of all others, exactly these at most.
rooms='
record
files
config          files
store           files record
runtime         files config record
libtelemetry    config files record
crash           record
trust           files
tls             trust files
xroad           config
outbox          libtelemetry store config record
journal         outbox record
upload          trust runtime config
identity        tls trust config files
sensors         trust store runtime files
envprobe        sensors outbox store runtime libtelemetry config files record
generator       config files
checkprobe      sensors trust outbox store runtime libtelemetry config files record
basic           outbox libtelemetry record runtime
kernel          outbox store runtime libtelemetry config files record
journalprobe    journal outbox store runtime libtelemetry config files record
crashprobe      crash outbox store runtime libtelemetry config files record
telemprobd      store runtime config files record
telempostd      upload trust store runtime config files record
answers         xroad sensors trust store runtime config files
telempulld      answers xroad tls trust runtime config files
telemctl        generator answers telempostd telemprobd crashprobe journalprobe kernel basic outbox upload xroad trust crash journal libtelemetry store runtime config files record
completions     telemctl telempostd telemprobd telempulld checkprobe crashprobe envprobe journal kernel basic backend
backend         xroad tls trust files
harness         libtelemetry store record
'
# Of tokio, SQL and browsers each that a test or a program might come to use.
foreign_to_client='tokio hyper axum rusqlite libsqlite3-sys sqlx diesel postgres tokio-postgres fantoccini thirtyfour headless_chrome chromiumoxide'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

members() {
    sed -n '/^members = \[/,/^\]/s/^ *"\(.*\)",*$/\1/p' Cargo.toml
}

# The room of a package or of a folder: the last part of its path.
room() {
    printf '%s\n' "${1##*/}"
}

# Lines "ROOM USES", from the dependencies that programs are built with.
arrows() {
    for member in $(members); do
        [ "$member" != tests ] || continue
        sed -n '/^\[dependencies\]/,/^\[/s/^\([-a-z_0-9]*\)[.= ].*/\1/p' "$member/Cargo.toml" | while read -r name; do
            path=$(sed -n "s/^$name = {.*path = \"\([^\"]*\)\".*/\1/p" Cargo.toml)
            [ -z "$path" ] || echo "$(room "$member") $(room "$path")"
        done
    done
}

if [ "${1:-}" = arrows ]; then
    arrows
    exit
fi

faults=$scratch/faults
: >"$faults"

arrows | while read -r from to; do
    allowed=$(printf '%s' "$rooms" | awk -v room="$from" '$1 == room { $1 = ""; print $0 " " }')
    case "$allowed " in
    *" $to "*) ;;
    *) echo "$from uses $to, which ARCHITECTURE.md does not allow" >>"$faults" ;;
    esac
done
# A library that programs of others link says each dependency that it has.
for word in strsim sha2; do
    if cargo tree -q --offline -p libtelemetry -e normal --prefix none 2>/dev/null | grep -q "^$word "; then
        echo "libtelemetry is linked with $word" >>"$faults"
    fi
done

# The client's packages, with what their tests need: not telempulld, the one daemon with tokio; not the scenarios, which
# read the collector's database, not the collector, and not the completions, which are made for both.
set --
for member in $(members); do
    case $member in
    telempulld | tests | tests/backend | tools/completions) ;;
    *) set -- "$@" -p "$(sed -n 's/^name = "\(.*\)"/\1/p' "$member/Cargo.toml" | head -n 1)" ;;
    esac
done
cargo tree -q --offline "$@" -e normal,build,dev --prefix none >"$scratch/client"
for word in $foreign_to_client; do
    if grep -q "^$word " "$scratch/client"; then
        echo "the client or its tests are built with $word" >>"$faults"
    fi
done

# A source file without its unit tests.
code() {
    awk '/^#\[cfg\(test\)\]/ { exit } { print }' "$1"
}

sources() {
    find "$1" -name '*.rs' ! -name 'tests.rs' ! -path '*/tests/*' ! -path '*/target/*' ! -path '*/bin/*' | LC_ALL=C sort
}

for member in $(members); do
    source=$member/src
    [ -d "$source" ] || continue
    find "$source" -name '*_tests.rs' | while read -r file; do
        echo "$file: unit tests in a file of their own are in ${file%_tests.rs}/tests.rs" >>"$faults"
    done
    sources "$source" >"$scratch/files"
    while read -r file; do
        length=$(code "$file" | wc -l)
        [ "$length" -le "$longest_file" ] || echo "$file has $length lines without its tests, more than $longest_file" >>"$faults"
        # src/NAME.rs and src/NAME/mod.rs are the module NAME; what is below belongs to it.
        below=${file#"$source"/}
        case $below in
        lib.rs | main.rs) continue ;;
        */*) module=${below%%/*} ;;
        *) module=${below%.rs} ;;
        esac
        # There `super` is the top.
        case $below in
        "$module.rs" | "$module/mod.rs") pattern='(crate|super)' ;;
        *) pattern='crate' ;;
        esac
        code "$file" | grep -v '^ *//' | grep -oE "\\b$pattern::[a-z_]+" | sed "s/.*:://; s/^/$module /"
        # use crate::{a, b::c}
        code "$file" | tr '\n' ' ' | grep -oE "use $pattern::\\{[^;]*\\};" | sed 's/^[^{]*{//; s/};$//' |
            sed 's/{[^}]*}//g' | tr ',' '\n' | sed "s/^ *//; s/[: ].*//; /^[a-z_]*\$/!d; /^\$/d; s/^/$module /"
    done <"$scratch/files" >"$scratch/uses"
    # Only what is a module at the top, and not the module itself.
    awk -v root="$source" '
        function is_module(name) { return (getline line < (root "/" name ".rs")) > 0 || (getline line < (root "/" name "/mod.rs")) > 0 }
        $1 != $2 { if (!($2 in known)) known[$2] = is_module($2); if (known[$2]) print }
    ' "$scratch/uses" | sort -u >"$scratch/edges"
    if ! tsort "$scratch/edges" >/dev/null 2>"$scratch/loop"; then
        echo "$member: modules in a circle: $(sed '/contains a loop/d; s/^tsort: //' "$scratch/loop" | tr '\n' ' ')" >>"$faults"
    fi
done

# Files that the page of the architecture sends people to.
# shellcheck disable=SC2016 # the quotes of the page
sed -n '/^## Where would I change/,/^## Decisions/p' ARCHITECTURE.md |
    grep -oE '`(crates|etc|libtelemetry|probes|telem[a-z]*|tests|tools)/[^` ]*`' | tr -d '`' |
    while read -r path; do
        [ -e "$path" ] || echo "ARCHITECTURE.md names $path, which is not there" >>"$faults"
    done

if [ -s "$faults" ]; then
    cat "$faults" >&2
    exit 1
fi
echo "structure: $(members | wc -l) packages, no arrow that ARCHITECTURE.md does not have, no circle, no file over $longest_file lines, no tokio, SQL or browser in the client"
