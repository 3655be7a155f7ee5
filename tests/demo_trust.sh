# shellcheck shell=bash disable=SC2154
# Client, collector and standby that know each other by fingerprint, set up by four commands. Part of tests/demo.sh, which
# has `step`, `fail`, `wait_until`, `pids`, `built`, `private` and `config`.

# Starts a collector NAME that takes nobody whose certificate is not listed; its pages are at a plain port beside.
start_trusting() {
    local name=$1
    mkdir -p "$private/$name"
    "$built/telem-collector" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --client-certificates require \
        --database "$private/$name/t.db" --trust "$private/$name/trust" >"$private/$name.log" 2>&1 &
    pids+=($!)
    wait_until "$name listens" grep -q 'listening on https' "$private/$name.log"
}

# What is behind this scheme in the lines in which NAME says where it listens.
address_of() { sed -n "s|^telem-collector: listening on $2://\([^ ]*\)\$|\1|p" "$private/$1.log"; }

run() { # COMMAND...: is shown, as it is typed, and done
    printf '$'
    printf ' %s' "${@##*/}"
    printf '\n'
    "$@" || fail "it failed"
}

has_record_of() { # NAME MACHINE
    curl --silent --fail --max-time 20 "http://$(address_of "$1" http)/api/records?machine_id=$2" | grep -q '"machine_id"'
}

# A record of a program that names no configuration, as programs do where one is installed: only such records go to the
# servers of the machine with its certificate. Here all programs name one, since it is in a private directory.
store_as_the_machines_own() { # MACHINE
    local aside="$private/spool/.demo"
    "$built/telem-record-gen" -f "$config" --no-post --echo -c org.example/demo/trust -p 'from a machine that is known' |
        sed "s/^machine_id: .*/machine_id: $1/" >"$aside" || fail "telem-record-gen failed"
    mv "$aside" "$private/spool/$(tr -d - </proc/sys/kernel/random/uuid).$(id -u)"
}

demo_trust() {
    local telemctl=("$built/telemctl" --config "$config") name own
    step "A collector and a standby over TLS, which take nobody that they do not know"
    for name in one standby; do start_trusting "$name"; done
    local one standby
    one=$(address_of one https) standby=$(address_of standby https)
    "${telemctl[@]}" config set server "https://$one/v2/collector https://$standby/v2/collector" ||
        fail "the servers cannot be set"
    step "Four commands, and each knows the others"
    run "${telemctl[@]}" trust "$one"
    run "${telemctl[@]}" trust "$standby"
    own=$("${telemctl[@]}" identity) || fail "this machine has no certificate"
    for name in one standby; do
        run "$built/telem-collector" trust add "$own" role=deliver --database "$private/$name/t.db" \
            --trust "$private/$name/trust"
    done
    store_as_the_machines_own "$(cat "$private/state/machine_id")"
    wait_until "the record is at the collector" has_record_of one "$(cat "$private/state/machine_id")"
    echo "a record is at the collector, delivered by a machine that it knows to a server that this machine knows"
    step "telem-collector doctor"
    "$built/telem-collector" doctor --tls-listen 127.0.0.1:0 --client-certificates require \
        --database "$private/one/t.db" --trust "$private/one/trust" || fail "the doctor has found an error"
}
