#!/bin/sh
# Prints the folder of the standard modules that MIB files import, by which the tests check ours. Debian has none of them
# (their licence does not let them be changed); where they are not there yet, they are fetched with the package net-snmp of
# npm first (MIT), once for all checkouts of a user. Nothing of it is built in or given away.
set -eu

version=3.29.2
home=${XDG_CACHE_HOME:-$HOME/.cache}/telemetrics-client/mibs-$version

if [ ! -e "$home/SNMPv2-CONF" ]; then
    echo "mibs: fetching net-snmp $version into $home, once" >&2
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    # Only unpacked: no script of a package is run.
    (cd "$scratch" && npm pack --silent "net-snmp@$version" >/dev/null && tar -xzf "net-snmp-$version.tgz") ||
        { echo "mibs: npm cannot fetch it" >&2; exit 1; }
    (cd "$scratch/package/lib/mibs" && sha256sum --check --quiet >&2) <<'SUMS' ||
edbcf785e0d8fac9e5c0a2a6b28d969c39d05a35b5cd4769501511b6e818bfa4  SNMPv2-SMI.mib
ad458652cccf79eac7ed81b69e1a9c770e232bd226ff8b35f3a49f99e82b82a1  SNMPv2-TC.mib
9b8ff8def9de47c9bd03d7fc128f26dbef0fcbb3c3363e7abad67fbd4ec02a49  SNMPv2-CONF.mib
SUMS
        { echo "mibs: what npm fetched is not version $version as it was pinned" >&2; exit 1; }
    mkdir -p "$home"
    for module in SNMPv2-SMI SNMPv2-TC SNMPv2-CONF; do
        cp "$scratch/package/lib/mibs/$module.mib" "$home/$module.new"
        mv "$home/$module.new" "$home/$module"
    done
fi
echo "$home"
