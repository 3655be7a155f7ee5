# shellcheck shell=bash
# What the tests of the installed packages have in common. They need root and systemd, give the consent and take it back,
# and so run on a machine that nobody uses: autopkgtest's testbed, a container, a virtual machine.

set -euo pipefail

configuration=/etc/telemetrics/telemetrics.conf

fail() {
    echo "$0: $*" >&2
    exit 1
}

# Consent and configuration of somebody are not for a test to change.
begin() {
    [ "$(id -u)" = 0 ] || fail 'needs root'
    [ -d /run/systemd/system ] || fail 'needs a machine that systemd runs'
    for file in /etc/telemetrics/opt-in "$configuration"; do
        [ ! -e "$file" ] || fail "$file is there already: this machine is in use"
    done
    trap end EXIT
    mkdir -p /etc/telemetrics
    cat >"$configuration" <<END
[settings]
server=http://127.0.0.1:8080/v2/collector
spool_keep_free=0
END
    systemctl start telemetrics-collector
}

end() {
    local status=$?
    if [ "$status" != 0 ]; then
        telemctl status >&2 || true
        journalctl --no-pager --lines=40 --unit='telem*' >&2 || true
    fi
    telemctl opt-out >/dev/null || true
    rm -f "$configuration"
}

# All that the collector has, as JSON.
records() {
    local collector
    exec {collector}<>/dev/tcp/127.0.0.1/8080
    printf 'GET /api/records?limit=1000 HTTP/1.0\r\nHost: localhost\r\n\r\n' >&"$collector"
    cat <&"$collector"
    exec {collector}>&-
}

# Waits until the command after the first word succeeds, for a minute at the longest.
until_true() {
    local what=$1 last=$((SECONDS + 60))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$last" ] || fail "a minute has passed without this: $what"
        sleep 0.2
    done
}

collector_has() {
    records | grep -F "$1" >/dev/null
}

wait_for_record() {
    until_true "the collector has a record with $1" collector_has "\"$1\""
}

# Without consent nobody listens, and a sender is sent to whoever can give it.
assert_silent() {
    local message
    [ ! -e /run/telem-0 ] || fail 'there is a socket without consent'
    ! message=$(hprobe 2>&1) || fail 'a record was taken without consent'
    [[ $message == *'telemctl opt-in'* ]] || fail "hprobe does not say what to do: $message"
}
