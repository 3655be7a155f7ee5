#!/bin/bash
# Checks the packages in a folder, which `make rpm` made: they hold what `make install` installs, each its part; their
# scripts name every unit and give no consent; rpmlint finds no error. Usage: rpm/check.sh FOLDER
set -euo pipefail

folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

client=telemetrics-client
library=libtelemetry4
development=libtelemetry-devel
environment=telemetrics-environment
collector=telemetrics-collector
all=("$client" "$library" "$development" "$environment" "$collector")
# Units of the environment's package; the others are the client's.
environment_units=(units/checkprobe.service units/envprobe.service units/envprobe.timer units/telempulld.service)
# What RPM puts beside what is installed: documents, and which units are enabled.
own='^/usr/share/(doc|licenses)/|^/usr/lib/systemd/system-preset/80-telemetrics'

failed=0
object() {
    echo "check-rpm: $*" >&2
    failed=1
}

file_of() {
    local files=("$folder/$1"-[0-9]*.rpm)
    if [ "${#files[@]}" != 1 ] || [ ! -e "${files[0]}" ]; then
        object "$1: one package is expected, not ${files[*]}"
        exit 1
    fi
    echo "${files[0]}"
}

query() {
    rpm --query --package "$(file_of "$1")" "${@:2}" 2>/dev/null
}

# Paths of files and links; a manual is packed by some systems.
files_of() {
    query "$1" --queryformat '[%{FILEMODES:perms} %{FILENAMES}\n]' | sed -n 's/^[^d][^ ]* //p' | sed 's|\(/man/.*\)\.gz$|\1|'
}

installed() {
    make --silent "$1" prefix=/usr libdir="$(rpm --eval '%{_libdir}')" sysconfdir=/etc localstatedir=/var runstatedir=/run
}

check_files() {
    local target=$1 package differing
    shift
    differing=$(diff <(installed "$target" | sort) \
        <(for package in "$@"; do files_of "$package"; done | grep -Ev "$own" | sort)) ||
        object "installed (<) and in $* (>), not both:"$'\n'"$differing"
}

check_owners_and_modes() {
    local package=$1 mode owner path
    while read -r mode owner path; do
        [ "$owner" = root:root ] || object "$package: $path belongs to $owner"
        case $mode:$path in
        drwxr-xr-x:* | lrwxrwxrwx:*) ;;
        -rwxr-xr-x:*/system-generators/* | -rwxr-xr-x:*/bin/* | -rwxr-xr-x:*/libexec/* | -rwxr-xr-x:*/libtelemetry.so.*) ;;
        -rw-r--r--:*/bin/* | -rw-r--r--:*/libexec/*) object "$package: $path cannot be run" ;;
        -rw-r--r--:*) ;;
        *) object "$package: $path has mode $mode" ;;
        esac
    done < <(query "$package" --queryformat '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]')
}

# The words of a script that begins with `$2scriptlet`, one a line.
script_of() {
    query "$1" --scripts | awk -v start="^$2 scriptlet" \
        '/^[a-z]+ scriptlet/ { is_it = $0 ~ start; next } is_it' | tr -s ' ' '\n'
}

contains() {
    grep -qxF -e "$2" <<<"$1"
}

check_units() {
    local package=$1 preset unit
    shift
    preset=$(rpm2cpio "$(file_of "$package")" | cpio --quiet --extract --to-stdout '*.preset' 2>/dev/null)
    for unit in "$@"; do
        contains "$(script_of "$package" preuninstall)" "${unit##*/}" || object "${unit##*/} is not stopped on removal"
        # One that has another enabled with it is for administrators to enable.
        if grep -q '^WantedBy=' "$unit" && ! grep -q '^Also=' "$unit"; then
            contains "$(script_of "$package" postinstall)" "${unit##*/}" || object "${unit##*/} is not enabled by preset"
            contains "$preset" "enable ${unit##*/}" || object "${unit##*/} is in no preset"
            # Enabled is what runs: only this keeps it from working. What asks servers to forget works where consent is gone.
            case ${unit##*/} in
                telempost-forget.timer) condition=@LOCALSTATEDIR@/lib/telemetry/forget/pending.json ;;
                *) condition=@SYSCONFDIR@/telemetrics/opt-in ;;
            esac
            [ "$package" = "$collector" ] || grep -qxF "ConditionPathExists=$condition" "$unit" ||
                object "${unit##*/} asks for no consent"
        elif contains "$preset" "enable ${unit##*/}"; then
            object "${unit##*/} is in a preset, and is not enabled by default"
        fi
        case $unit in
        *klogscanner.service | */*-tail.service | */tele*d.service)
            contains "$(script_of "$package" postuninstall)" "${unit##*/}" ||
                object "${unit##*/} does not run on with the new program after an update"
            ;;
        esac
    done
}

check_scripts() {
    local package
    for package in "$client" "$environment" "$collector"; do
        contains "$(script_of "$package" postinstall)" systemd-sysusers || object "$package makes no user"
    done
    for package in "${all[@]}"; do
        ! query "$package" --scripts | grep 'opt-in' >/dev/null || object "$package: a script names the consent"
        ! files_of "$package" | grep -E '^/(var|run)/|^/etc/telemetrics' || object "$package holds what a machine makes"
    done
    [ "$(query "$collector" --configfiles)" = /etc/default/telemetrics-collector ] ||
        object "$collector: the administrator's options would be overwritten"
    [ "$(query "$environment" --configfiles)" = /etc/snmp/snmpd.conf.d/telemetrics.conf ] ||
        object "$environment: the administrator's lines for snmpd would be overwritten"
}

check_relations() {
    query "$client" --requires | grep '^libcurl\.so\.4' >/dev/null || object "$client does not depend on libcurl"
    query "$collector" --requires | grep '^libsqlite3\.so\.0' >/dev/null || object "$collector does not depend on libsqlite3"
    query "$library" --provides | grep '^libtelemetry\.so\.4(TM_4_1_0)' >/dev/null || object "$library provides no version nodes"
    query "$development" --requires | grep "^$library.* = " >/dev/null || object "$development asks for no library of its version"
    ! query "$client" --requires | grep '^libtelemetry' >/dev/null || object "$client depends on the library, which it does not use"
}

check_files list-installed "$client" "$library" "$development"
check_files list-installed-environment "$environment"
check_files list-installed-collector "$collector"
for package in "${all[@]}"; do
    check_owners_and_modes "$package"
done
client_units=()
for unit in units/*; do
    [[ " ${environment_units[*]} " = *" $unit "* ]] || client_units+=("$unit")
done
check_units "$client" "${client_units[@]}"
check_units "$environment" "${environment_units[@]}"
check_units "$collector" tests/backend/system/telemetrics-collector.service
check_scripts
check_relations
rpmlint --config rpm/rpmlint.toml "$folder"/*.rpm || object 'rpmlint has objections'
[ "$failed" = 0 ] || exit 1
echo "RPM packages: ${#all[@]} without objections"
