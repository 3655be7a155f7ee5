#!/bin/bash
# The main job, to be seen: three programs make records, and a person finds them at the collector, beside those of a
# fleet that is made up, of which the first page says what is wrong. All of it runs in a private directory, on a free
# port, as whoever calls it; nothing else of the machine is touched. `make demo` builds first; with KEEP=1 the collector
# goes on until Ctrl-C.
set -euo pipefail

cd "$(dirname "$0")/.."
built=$(realpath "${CARGO_TARGET_DIR:-target}")/release
# Far beyond what any step takes; a step that needs longer has failed.
deadline_secs=20

private=$(mktemp -d)
config=$private/telemetrics.conf
database=$private/collector.db
pids=()

clean_up() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$private"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '\n==> %s\n' "$*"; }

fail() {
    printf '\nmake demo: %s\n' "$*" >&2
    local log
    for log in "$private"/*.log; do
        [ -s "$log" ] || continue
        printf -- '---- %s\n' "$(basename "$log")" >&2
        cat "$log" >&2
    done
    exit 1
}

start() { # NAME ARGUMENT...; its output goes to NAME.log
    local name=$1
    shift
    "$built/$name" "$@" >"$private/$name.log" 2>&1 &
    pids+=($!)
    echo "$name runs as process $!"
}

wait_until() { # WHAT COMMAND...
    local what=$1 end=$((SECONDS + deadline_secs)) pid
    shift
    until "$@" >/dev/null; do
        for pid in "${pids[@]}"; do
            kill -0 "$pid" 2>/dev/null || fail "a daemon ended while waiting until $what"
        done
        [ "$SECONDS" -lt "$end" ] || fail "waited $deadline_secs s in vain until $what"
        sleep 0.05
    done
}

listening_url() { sed -n 's/^telem-collector: listening on \(http:[^ ]*\)$/\1/p' "$private/telem-collector.log" | grep .; }
fetch() { curl --silent --show-error --fail --max-time 20 "$collector$1"; }
# Those of this machine; the fleet's are left out.
records() { fetch "/api/records?machine_id=$(cat "$private/state/machine_id" 2>/dev/null)"; }
count_of() { records | grep -o "\"classification\": *\"$1\"" | wc -l; }
all_arrived() {
    local class
    for class in "${classes[@]}"; do [ "$(count_of "$class")" = 1 ] || return 1; done
}

# shellcheck source=tests/demo_trust.sh
. tests/demo_trust.sh

for program in telemprobd telempostd telempost-upload telempost-identity telemctl hprobe telem-record-gen checkprobe telempulld telem-collector; do
    [ -x "$built/$program" ] || fail "$built/$program is missing; run \`make build\` first"
done

step "A database with five weeks of a fleet of 300 machines, made up"
"$built/telem-collector" fleet --database "$database" || fail "the fleet cannot be stored"

step "A collector on a free port of this machine"
# The fleet has three servers that say how they are; here they have names.
cat >"$private/collector.conf" <<NAMES
[settings]
time_zone=UTC

[machine web]
id=5e72e20000000000000000000000000a
group=servers
downtime=Sun 02:00-04:00

[machine shop]
id=5e72e20000000000000000000000000b
group=servers

[machine backup]
id=5e72e20000000000000000000000000c
group=servers
NAMES
start telem-collector --listen 127.0.0.1:0 --database "$database" --config "$private/collector.conf"
wait_until "the collector listens" listening_url
collector=$(listening_url)

step "A configuration in which every path lies in $private"
cat >"$config" <<CONFIG
[settings]
server=$collector/v2/collector
socket_path=$private/telem-0
spool_dir=$private/spool
etc_dir=$private/etc
state_dir=$private/state
log_dir=$private/log
cache_dir=$private/cache
run_dir=$private/run
daemon_recycling_enabled=false
spool_keep_free=0
record_retention_enabled=true
pull_local=$private/pull
member=DEMO/ORG/1
server_code=demo
CONFIG
chmod 644 "$config"
cat "$config"

step "telemctl opt-in"
"$built/telemctl" --config "$config" opt-in || fail "opt-in failed"

step "The daemons"
start telemprobd -f "$config"
wait_until "telemprobd listens" test -S "$private/telem-0"
start telempostd -f "$config"
telempostd=${pids[-1]}

step "1. A record from hprobe"
"$built/hprobe" -f "$config" || fail "hprobe failed"

step "2. A record from a C program, compiled now against the installed library"
make --no-print-directory install-files prefix="$private/usr" DESTDIR= PROFILE=release >"$private/install.log" 2>&1 ||
    fail "make install-files failed"
export PKG_CONFIG_PATH=$private/usr/lib/pkgconfig
read -ra flags < <(pkg-config --cflags --libs libtelemetry) || fail "pkg-config does not know libtelemetry"
echo "cc tests/c/send_hello.c ${flags[*]}"
"${CC:-cc}" -Wall -Wextra tests/c/send_hello.c "${flags[@]}" -o "$private/send_hello" || fail "it does not compile"
LD_LIBRARY_PATH=$private/usr/lib "$private/send_hello" "$config" || fail "send_hello failed"

step "3. A record from the shell, through telem-record-gen"
echo 'hello from the shell' | "$built/telem-record-gen" -f "$config" -c org.example/demo/shell -s 2 ||
    fail "telem-record-gen failed"
echo "sent"

step "Waiting until the collector has all three"
classes=(org.clearlinux/hello/world org.clearlinux/hello/from_c org.example/demo/shell)
wait_until "all records are at the collector" all_arrived
echo "they are there"

journal_is_whole() { [ "$("$built/telemctl" --config "$config" journal | wc -l)" = 3 ]; }
wait_until "the journal has all three" journal_is_whole
step "telemctl journal"
"$built/telemctl" --config "$config" journal -V

shows_delivery() { ! "$built/telemctl" --config "$config" status | grep -q "^Last delivered *never"; }
wait_until "the status shows the delivery" shows_delivery
step "telemctl status"
"$built/telemctl" --config "$config" status

step "GET $collector/api/records"
records >"$private/records.json"
sed 's/}, *{/},\n{/g' "$private/records.json"
echo

step "Do they say what is true of this machine?"
says() { # KEY VALUE: every record has it
    local found
    found=$(grep -oF "\"$1\":\"$2\"" <(sed 's/": "/":"/g' "$private/records.json") | wc -l)
    [ "$found" = 3 ] || fail "$found of 3 records say $1 = $2"
    printf '%-15s %s\n' "$1" "$2"
}
os_release=/etc/os-release
[ -e "$os_release" ] || os_release=/usr/lib/os-release
build=$(sed -n 's/^VERSION_ID=//p' "$os_release" | tr -d "\"'")
says arch "$(uname -m)"
says kernel_version "$(uname -r)"
says build "${build:-0}"
says machine_id "$(cat "$private/state/machine_id")"

step "A check that fails: nobody listens at port 1"
mkdir -p "$private/etc/checks.d"
printf '[nobody]\nkind=tcp\naddress=127.0.0.1:1\nattempts=1\ninterval=10\n' >"$private/etc/checks.d/demo.conf"
chmod 644 "$private/etc/checks.d/demo.conf"
start checkprobe -f "$config"
is_reported() { [ "$(count_of org.telemetrics/check/state)" -ge 1 ]; }
wait_until "the collector has the state of the check" is_reported
"$built/telemctl" --config "$config" check
"$built/telemctl" --config "$config" check | grep -q '^nobody *CRITICAL' || fail "the check does not fail"

step "This machine is asked how it is, by SOAP as X-Road's central client does"
start telempulld -f "$config"
wait_until "telempulld listens" test -S "$private/pull"
cat >"$private/request.xml" <<REQUEST
<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers"
    xmlns:xr="http://x-road.eu/xsd/xroad.xsd" xmlns:mon="http://x-road.eu/xsd/monitoring">
  <soap:Header>
    <xr:client id:objectType="MEMBER"><id:xRoadInstance>DEMO</id:xRoadInstance><id:memberClass>ORG</id:memberClass>
      <id:memberCode>1</id:memberCode></xr:client>
    <xr:service id:objectType="SERVICE"><id:xRoadInstance>DEMO</id:xRoadInstance><id:memberClass>ORG</id:memberClass>
      <id:memberCode>1</id:memberCode><id:serviceCode>getSecurityServerMetrics</id:serviceCode></xr:service>
    <xr:id>demo-1</xr:id>
    <xr:protocolVersion>4.0</xr:protocolVersion>
  </soap:Header>
  <soap:Body><mon:getSecurityServerMetrics><mon:outputSpec><mon:outputField>OperatingSystem</mon:outputField>
    <mon:outputField>DiskSpaceFree_/</mon:outputField><mon:outputField>FreePhysicalMemory</mon:outputField>
  </mon:outputSpec></mon:getSecurityServerMetrics></soap:Body>
</soap:Envelope>
REQUEST
curl --silent --show-error --fail --max-time 20 --unix-socket "$private/pull" -H 'Content-Type: text/xml' \
    --data-binary "@$private/request.xml" http://localhost/ >"$private/answer.xml" || fail "there is no answer"
sed -n '/<soap:Body>/,$p' "$private/answer.xml" | sed 's/></>\n</g'
for part in requestHash proxyVersion OperatingSystem DiskSpaceFree_/ FreePhysicalMemory; do
    grep -q "$part" "$private/answer.xml" || fail "the answer has no $part"
done

step "GET $collector/telemetryui: what the first page says of the fleet"
fetch "/telemetryui?format=json" >"$private/overview.json" || fail "the first page cannot be fetched"
machines=$(sed -n 's/.*"yesterday":{[^}]*"machines":\([0-9]*\).*/\1/p' "$private/overview.json")
[ "${machines:-0}" -gt 200 ] || fail "the first page says that $machines machines were heard yesterday, of some 300"
printf 'Machines heard yesterday: %s\n' "$machines"
groups_on() { # PAGE: a line for each of its groups
    { fetch "/telemetryui/$1&format=json"; echo; } | sed 's/{"first_seen"/\n&/g' | sed -n \
        's/.*"first_version":\("[^"]*"\|null\),.*"machines":\([0-9]*\),"name":"\(\([^"\\]\|\\.\)*\)",.*"state":"\([a-z_]*\)".*/  \2 machines on a day, since \1: \3 (\5)/p'
}
step "What crashes on most machines"
groups_on "groups?limit=5" | tee "$private/groups"
[ "$(grep -c . "$private/groups")" = 5 ] || fail "the list of groups does not have five"
step "What its crashes have to do with its memory"
# Before the fault that is reported most, the machines of the fleet have hardly any left.
compares() { fetch "/telemetryui?format=json" | grep -o '"beside":\[[^]]*"name":"memory_available"[^]]*'; }
wait_until "the first page has compared them" compares
compares | grep -o '"[a-z_]*":[^,}]*' | grep -E '"(group|is_higher|machines|median|others|others_median)"' | tr '\n' ' '
echo
step "What is new"
groups_on "new?days=7"
step "GET $collector/telemetryui/status: what fails, who is silent, what runs out"
foresees() { fetch "/telemetryui/status?format=json" | grep -q '"what":"disk /var"'; }
wait_until "the collector foresees when a disk is full" foresees
fetch "/telemetryui/status?format=json" >"$private/status.json"
fields() { # LIST NAME...: of each of its rows these fields
    local list=$1 pattern="" shown="" number=1 name
    shift
    for name in "$@"; do pattern+=".*\"$name\":\"\([^\"]*\)\""; shown+=" \\$number"; number=$((number + 1)); done
    sed "s/.*\"$list\":\[\([^]]*\)\].*/\1/; s/},{/}\n{/g" "$private/status.json" | sed -n "s/$pattern.*/ $shown/p"
}
fields status check machine output since state | tee "$private/checks"
grep -q 'disk-var web .*CRITICAL' "$private/checks" || fail "the status page does not show the check that fails"
fields runs_out at earliest latest machine what | tee "$private/runs_out"
grep -q 'web disk /var' "$private/runs_out" || fail "the status page does not show the disk that fills"
fields silent last_seen machine | tee "$private/silent"
grep -q backup "$private/silent" || fail "the status page does not show the machine that is silent"

step "A network that nothing may leave, by three commands"
isolated_network() {
    local name port log
    for name in buffer centre; do
        mkdir "$private/$name"
        echo "# nobody yet" >"$private/$name/trusted.cfg"
    done
    trusted() { openssl x509 -noout -fingerprint -sha256 -in "$private/$1/identity/$2.pem" 2>/dev/null | sed 's/.*=//' | grep .; }
    say_and_start() { # NAME ARGUMENT...
        name=$1
        shift
        printf 'telem-collector %s\n' "$(printf '%s' "$*" | sed "s|$private/||g")"
        : >"$private/$name.log"
        "$built/telem-collector" "$@" >"$private/$name.log" 2>&1 &
        pids+=($!)
    }
    say_and_start buffer --buffer --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 \
        --database "$private/buffer/t.db" --trust "$private/buffer/trusted.cfg"
    wait_until "the buffer listens" grep -q https: "$private/buffer.log"
    log=$private/buffer.log
    port=$(sed -n 's/.*https:.*:\([0-9]*\)$/\1/p' "$log")
    inside=$(sed -n 's/.*on \(http:[^ ]*\)$/\1/p' "$log")
    say_and_start centre --listen 127.0.0.1:0 --sync-address "127.0.0.1:$port" --sync-interval 1 \
        --database "$private/centre/t.db" --trust "$private/centre/trusted.cfg"
    wait_until "the centre has a certificate" trusted centre cli_certificate
    echo "$(trusted buffer srv_certificate) server=127.0.0.1:$port" | tee "$private/centre/trusted.cfg"
    echo "$(trusted centre cli_certificate) role=fetch" | tee "$private/buffer/trusted.cfg"
    sed -i "s|^server=.*|server=$inside/v2/collector|" "$config"
    kill -HUP "$telempostd"
    echo 'from inside' | "$built/telem-record-gen" -f "$config" -c org.example/demo/inside -s 1 || fail "telem-record-gen failed"
    centre=$(sed -n 's/.*on \(http:[^ ]*\)$/\1/p' "$private/centre.log")
    came_out() { curl --silent --max-time 20 "$centre/api/records" | grep -q org.example/demo/inside; }
    wait_until "the record is at the centre" came_out
    echo "telem-collector sync status --database centre/t.db"
    "$built/telem-collector" sync status --database "$private/centre/t.db" || fail "sync status failed"
}
isolated_network

demo_trust
printf '\nmake demo: all three records are at the collector, what they say is true, and the first page knows the fleet.\n'
if [ "${KEEP:-}" = 1 ]; then
    printf 'The pages are at %s/telemetryui until Ctrl-C.\n' "$collector"
    wait "${pids[0]}"
fi
