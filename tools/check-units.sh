#!/bin/bash
# Checks units as they would be installed: `systemd-analyze verify` says nothing, and what a service could do to the
# machine is within its bound. Usage: tools/check-units.sh FOLDER, in which they are, with their paths filled in.
set -euo pipefail

# Tenths of what `systemd-analyze security` gives, from 0 (nothing) to 100.
bound_of() {
    case $1 in
        # Anybody may send to it, and it needs files only; the others read, and can connect to nobody.
        telemprobd.service | envprobe.service | telempulld.service) echo 15 ;;
        # It needs the network.
        telempostd.service | telemetrics-collector.service) echo 20 ;;
        # Checks connect to what they check, and plugins are programs of others.
        checkprobe.service) echo 20 ;;
        # Probes look at what others may not.
        *) echo 25 ;;
    esac
}

cd "$1"
if ! command -v systemd-analyze >/dev/null; then
    echo 'units: skipped, since there is no systemd-analyze here (Debian package systemd)'
    [ "${CI:-}" != true ]
    exit
fi
units=(./*.*)
if ! found=$(systemd-analyze verify --man=no "${units[@]}" 2>&1) || [ -n "$found" ]; then
    echo "$found" >&2
    echo 'units: systemd-analyze verify has objections' >&2
    exit 1
fi
for unit in ./*.service; do
    bound=$(bound_of "${unit#./}")
    if ! table=$(systemd-analyze security --no-pager --offline=true --threshold="$bound" "$unit" 2>&1); then
        grep -v ✓ <<<"$table" >&2
        echo "units: ${unit#./} is exposed more than $bound tenths" >&2
        exit 1
    fi
    printf '  %s\n' "$(tail -n 1 <<<"$table" | grep -o '[^ ]*\.service: [0-9.]*')"
done
echo "units: ${#units[@]} without objections, services within their bounds"
