#!/bin/bash
# Writes the seeds of the fuzz targets anew. The forms are put together by hand here, field by field, so
# that the seeds say what programs and daemons of the C implementation write, and not what ours do.
set -euo pipefail
cd "$(dirname "$0")/seeds"
mkdir -p wire_frame spool_file header_lines configuration journal_line

headers() { # MACHINE_ID
    cat <<LINES
record_format_version: 4
classification: org.clearlinux/hello/world
severity: 1
machine_id: $1
creation_timestamp: 1522691281
arch: x86_64
host_type: LENOVO|20BWS1KJ00|ThinkPad T450s
build: 21710
kernel_version: 4.15.15-553.native
payload_format_version: 1
system_name: clear-linux-os
board_name: 20BWS1KJ00|LENOVO
cpu_model: Intel(R) Core(TM) i7-5600U CPU @ 2.60GHz
bios_version: JBET60WW (1.24 )
event_id: 5de9de8d5f3c6a7d445d75ba01cc3322
LINES
}

u32() { # NUMBER, as four bytes of a little-endian machine
    local hex
    hex=$(printf '%08x' "$1")
    printf '%b' "\\x${hex:6:2}\\x${hex:4:2}\\x${hex:2:2}\\x${hex:0:2}"
}

# CONFIG may be empty. HEADERS and PAYLOAD are files, since bytes go through no shell variable.
frame() { # CONFIG HEADERS PAYLOAD
    local header_size payload_size config_size=0
    header_size=$(stat -c %s "$2")
    payload_size=$(stat -c %s "$3")
    [ -z "$1" ] || config_size=$((4 + ${#1} + 1))
    u32 $((4 + config_size + 4 + header_size + payload_size + 1))
    [ -z "$1" ] || printf 'CFG:%s\0' "$1"
    u32 "$header_size"
    cat "$2" "$3"
    printf '\0'
}

batch_record() { # ID FILE
    printf '#record %s %d %s\n' "$1" "$(stat -c %s "$2")" "$(sha256sum "$2" | cut -c 1-16)"
    cat "$2"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
placeholder=$scratch/placeholder stored=$scratch/stored hello=$scratch/hello none=$scratch/none
headers FFFFFFFF >"$placeholder"
headers 0123456789abcdef0123456789abcdef >"$stored"
printf 'hello\n' >"$hello"
: >"$none"

frame '' "$placeholder" "$hello" >wire_frame/hello
frame '' "$placeholder" "$none" >wire_frame/no-payload
frame /home/me/t.conf "$placeholder" "$hello" >wire_frame/own-configuration
head -c 200 wire_frame/hello >wire_frame/cut-short
{ u32 4000000000; printf x; } >wire_frame/size-that-lies
sed 's/^host_type: .*/host_type: Fabr\xe9|x|y/' "$placeholder" >"$scratch/latin1"
frame '' "$scratch/latin1" "$hello" >wire_frame/firmware-in-latin1

{ cat "$stored" "$hello"; echo; } >spool_file/aB3xY9
{ echo CFG:/home/me/t.conf; cat "$stored" "$hello"; echo; } >spool_file/own-configuration
head -n 9 "$stored" >spool_file/cut-short
: >spool_file/empty
{
    echo '#telemetry-records 1'
    batch_record 00000000000000000000000000000001 spool_file/aB3xY9
    batch_record 00000000000000000000000000000002 spool_file/own-configuration
} >spool_file/batch
sed 's/hello$/jello/' spool_file/batch >spool_file/batch-with-wrong-checksum
head -c -20 spool_file/batch >spool_file/batch-cut-short

cp "$placeholder" header_lines/whole
cat "$placeholder" "$hello" >header_lines/with-payload
sed 's/: .*/:/' "$placeholder" >header_lines/empty-values
sed '3d' "$placeholder" >header_lines/severity-missing
sed "s/^cpu_model: .*/cpu_model: $(printf 'x%.0s' {1..300})/" "$placeholder" >header_lines/long-value

cat >configuration/c-daemon <<'LINES'
[settings]
server=https://localhost/v2/collector
socket_path=/run/telem-0
spool_dir=/var/spool/telemetry
record_expiry=1200
spool_max_size=5120
spool_process_time=120
rate_limit_enabled=true
record_burst_limit=1000
record_window_length=15
byte_burst_limit=-1
byte_window_length=20
rate_limit_strategy=spool
record_retention_enabled=false
record_server_delivery_enabled=true
tidheader=X-Telemetry-TID:\s6907c830-eed9-4ce9-81ae-76daf8d88f0f
LINES
cat >configuration/private-directory <<'LINES'
; everything below one directory
[settings]
  server = http://127.0.0.1:8080/v3/collector
server_api = auto
cainfo = /tmp/a\sb/ca.pem
etc_dir=/tmp/t/etc
state_dir=/tmp/t/state
log_dir=/tmp/t/log
cache_dir=/tmp/t/cache
run_dir=/tmp/t/run
spool_sync=0
daemon_recycling_enabled=False
recycling_idle_time=10
[other]
key=value
LINES
printf '# a comment\n[settings]\nspool_dri=/x\nserver=a\nserver=ftp://b\n' >configuration/wrong
printf '[settings\nserver\n' >configuration/broken
# Two warnings of one line.
printf '\xef\xbb\xbfoutside=a section\n' >configuration/byte-order-mark

rs=$(printf '\036')
event=5de9de8d5f3c6a7d445d75ba01cc3322 boot=60c014cd-4693-40f1-b334-548cd932949b
entry() { printf '%s\n' "$1${rs}$2${rs}org.clearlinux/hello/world${rs}$event${rs}$boot"; }
entry 0de9de8d5f3c6a7d445d75ba01cc3322 1522691281 >journal_line/one
{ entry 1 -1; echo noise; entry 2 9223372036854775807; } >journal_line/several
entry ../../etc/passwd 1522691281 >journal_line/path-for-an-id

# What the crash probe reads: real programs of a few KiB, and the heads of real cores.
mkdir -p core_head call_frame_information debug_data
cat >"$scratch/tiny.c" <<'LINES'
static inline __attribute__((always_inline)) int inlined(volatile int *place) { return *place + 1; }
__attribute__((noinline)) int innermost(volatile int *place) { return inlined(place) * 2; }
__attribute__((noinline)) int middle(volatile int *place) { return innermost(place) + 1; }
void _start(void) { middle(0); for (;;) ; }
LINES
tiny() { # COMPILER NAME OPTION...
    local compiler=$1 name=$2
    shift 2
    "$compiler" -nostdlib -static -O2 -Wl,-z,noseparate-code -Wl,--build-id "-ffile-prefix-map=$PWD=/src" \
        "-ffile-prefix-map=$scratch=/src" "$@" -o "$scratch/$name" "$scratch/tiny.c"
}
tiny cc x86-64 -g
tiny cc debug-frame -g -fno-asynchronous-unwind-tables -fno-unwind-tables
tiny cc compressed -g -gz
tiny aarch64-linux-gnu-gcc aarch64 -g -mbranch-protection=pac-ret+leaf
cp "$scratch/x86-64" "$scratch/mini"
strip "$scratch/mini"
objcopy --only-keep-debug "$scratch/x86-64" "$scratch/symbols"
objcopy -S --keep-symbol=innermost "$scratch/symbols"
xz --check=crc32 "$scratch/symbols"
objcopy --add-section .gnu_debugdata="$scratch/symbols.xz" "$scratch/mini"
for name in x86-64 debug-frame compressed aarch64 mini; do
    start=$(nm "$scratch/x86-64" | sed -n 's/^00000000\([0-9a-f]*\) T innermost/\1/p')
    { u32 "0x$start"; u32 0; cat "$scratch/$name"; } >debug_data/"$name"
    # The address, 32 registers that point into the stack, and a stack of addresses in the program.
    {
        u32 "0x$start"; u32 0
        for _ in {1..32}; do u32 0x00000100; u32 0x7fff; done
        for _ in {1..128}; do u32 $((0x$start + 4)); u32 0; done
        cat "$scratch/$name"
    } >call_frame_information/"$name"
done
# Where the kernel pipes cores into a program there is none, and the old seed stays.
(cd "$scratch"; ulimit -c unlimited; env -i ./x86-64 || true) 2>/dev/null
for core in "$scratch"/core*; do
    [ ! -f "$core" ] || head -c 4096 "$core" >core_head/one-thread
done

mkdir -p worker_protocol
text() { printf '%b%s' "\\x$(printf '%02x' "${#1}")\\x00" "$1"; }
u64() { u32 "$1"; u32 0; }
{ printf '\1'; u64 4096; u64 8192; text /usr/bin/program; } >worker_protocol/open-mapped
{ printf '\2'; text 01234567890123456789; } >worker_protocol/open-by-build-id
{ printf '\3'; text /usr/bin/program; text program.debug; } >worker_protocol/open-by-link
{ printf '\4\0'; text /usr/bin/program; text 'Process: program'; } >worker_protocol/report
{ printf '\1'; u64 4096; } >worker_protocol/answer

# Fields of the journal; `\` stands for a line's end in a value.
mkdir -p journal_entry
fields() { printf '%s\n' "$@"; }
fields 'MESSAGE=a.service: Main process exited, code=exited, status=1/FAILURE' UNIT=a.service EXIT_STATUS=1 \
    _COMM=systemd >journal_entry/unit
fields 'MESSAGE=run-r5de9de8d5f3c6a7d445d75ba01cc3322.service: Main process exited' \
    USER_UNIT=run-r5de9de8d5f3c6a7d445d75ba01cc3322.service _SYSTEMD_UNIT=user@1000.service >journal_entry/user-unit
fields 'MESSAGE=one\UNIT=forged\\three 0x7ffd1234' PRIORITY=3 >journal_entry/several-lines
fields "MESSAGE=$(printf 'x%.0s' {1..5000})" "UNIT=$(printf '\xe4%.0s' {1..300})" >journal_entry/long
fields UNIT=silent.service >journal_entry/no-message

# Logs and dumps are those of the parsers' tests: short logs, each also as records of /dev/kmsg, and directories with a
# file after the other, its name before it.
mkdir -p kernel_log kernel_log_form pstore
golden=../../probes/kernel/tests
for log in "$golden"/kernel_log/*.log; do
    name=$(basename "$log" .log)
    [ "${name#form_}" = "$name" ] || continue
    [ "$(stat -c %s "$log")" -le 8192 ] || continue
    cp "$log" kernel_log/"$name"
done
awk '{ stamp = $2; gsub(/[^0-9]/, "", stamp); sub(/^<[0-9]>\[ *[0-9.]*\] /, ""); printf "4,%d,%d,-,caller=T7;%s\n", NR, stamp, $0 }' \
    "$golden"/kernel_log/null_dereference_6.1.log >kernel_log/kmsg
# One log in each form, as docs/kernel-logs.md has them.
for log in "$golden"/kernel_log/form_*.log; do
    cp "$log" kernel_log_form/"$(basename "$log" .log)"
done
for directory in "$golden"/pstore/*/; do
    (cd "$directory"; find . -type f | sort | while read -r dump; do
        basename "$dump"; cat "$dump"; printf '\036'
    done) | head -c 32768 >pstore/"$(basename "$directory")"
done

# Records as the collector gets them: what our probes make of those logs, and reports of crashes and units.
mkdir -p group
for expected in "$golden"/kernel_log/*.expected; do
    case $expected in */form_*) continue ;; esac
    sed -n '/^# org/,/^$/p' "$expected" | sed 's/^# \(org[^,]*\),.*/\1/; /^$/,$d' >group/"$(basename "$expected" .expected)"
done
rm -f group/noise
cat >group/abort <<'LINES'
org.clearlinux/crash/clr
Process: /usr/bin/editor
PID: 1234
Signal: 6
Package: editor 1:2.0-3

Backtrace (TID 1234):
#0 __pthread_kill_implementation - [libc.so.6]
#1 raise() - [libc.so.6]
#2 abort() - [libc.so.6]
#3 std::vector<int, A<int> >::at(unsigned long) const - [editor]
#4 ??? - [libplug.so.1.4] +0x1234 (by frame pointer)
#5 Doc::{lambda(int)#2}::operator()(int) const - [/usr/bin/editor] - doc.cpp:77 (inlined)
#6 main() - [/usr/bin/editor] (by signal frame)
The backtrace ends here: the stack can not be read further.

Modules:
editor 0a0b5f3c6a7d445d75ba01cc33220d15e9de8d5f
libplug.so.1.4 5f3c6a7d445d75ba01cc33220d15e9de8d5f3c6a +0x1234
LINES
cat >group/overflow <<'LINES'
org.clearlinux/crash/clr
Process: jsond
Signal: 11
Cause: SIGSEGV: stack overflow

Backtrace (TID 1):
#0 <alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop - [jsond]
#1 _ZN5jsond9parse_val17h0123456789abcdefE - [jsond]
#2 _ZN5Value5parseEPKc - [jsond]
#3 _ZN5jsond9parse_val17h0123456789abcdefE - [jsond]
#4 _ZN5Value5parseEPKc - [jsond]
LINES
printf '%s\n' org.clearlinux/journal/error \
    'MESSAGE=backup@home.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED' \
    UNIT=backup@home.service REPEATED=3 >group/unit
printf '%s\n' org.clearlinux/mce/corrected 'CPU 0 BANK 8 TSC 0' 'STATUS 8c00004000010090 MCGSTATUS 0' >group/mce

mkdir -p trust_file certificate identity_pem announcement preimages
one=$(printf 'AB:%.0s' {1..32}) one=${one%:}
other=${one//AB/CD}
pin=sha256//zXEsitzBpemZktf+uzCCW1ZA0Q6vGA9OlLX1vyzXde4=
printf '# trusted\r\n%s role=fetch role=read the centre\r\n%s server=h:8443\n' "$one" "$other" >trust_file/two
printf '%s\n%s next-of=%s since=1764240000\n' "$one" "$other" "$one" >trust_file/learned
printf '\xef\xbb\xbf%s client=A/B/C role=pull\n' "$(tr -d : <<<"${one,,}")" >trust_file/mark-and-lower-case
printf '%s\n%s role=read\n' "$one" "$one" >trust_file/contradiction
head -c 60 trust_file/two >trust_file/half-a-line
# Of version 1, by the recipe of administrators: its key, in SEC1, and itself.
constant() { sed -n "/const $1: /,/^-----END/p" ../../crates/trust/src/testing.rs | sed '1d'; }
constant CERTIFICATE_V1 | sed '/^-----/d' | base64 -d >certificate/version-1
constant CERTIFICATE_V3 | sed '/^-----/d' | base64 -d >certificate/version-3
{ constant KEY_V1; constant CERTIFICATE_V1; } >identity_pem/sec1
{ constant KEY_V3; constant CERTIFICATE_V3; } >identity_pem/pkcs8
{ constant CERTIFICATE_V3; constant KEY_V3; constant CERTIFICATE_V1; } >identity_pem/chain
printf '{"fingerprint":"%s","next":null}' "$one" >announcement/none
printf '{"fingerprint":"%s","next":{"fingerprint":"%s","pin":"%s"}}' "$one" "$other" "$pin" >announcement/next
printf '{"preimages":["000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"]}' >preimages/request
printf '%s %s 5 9\n' 630dcd2966c4336691125448bbb25b4f \
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f >preimages/file

# Who asks how the machine is, and what it reads of itself. The request is that of the tests of SOAP.
mkdir -p soap_request monitoring_params proc_files request_head http_answer
vector=../../telempulld/answers/tests/vector.xml
posted() { echo "$1"; sed "$2" "$vector"; }
posted 'text/xml; charset=UTF-8' '' >soap_request/whole
posted text/xml 's|<mon:getSecurityServerMetrics/>|<mon:getSecurityServerMetrics><mon:outputSpec><mon:outputField>OperatingSystem</mon:outputField><mon:outputField/></mon:outputSpec></mon:getSecurityServerMetrics>|' \
    >soap_request/names
posted application/xop+xml 's|<xr:id>|<xr:requestHash algorithmId="x">OLD</xr:requestHash><!-- </soap:Header> --><xr:id>|' >soap_request/old-hash
posted text/xml 's|xr:||g; s|xmlns:xr=|xmlns=|; s|Code>getS|Code><![CDATA[get]]>S|' >soap_request/default-namespace
posted text/xml 's|<?xml.*?>|<!DOCTYPE a [<!ENTITY b "c">]>|' >soap_request/document-type
posted text/html '/<xr:service/,/<\/xr:service/d' >soap_request/no-service
named() { # TYPE, elements of the id
    cat <<LINES
<x:conf xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers">
  <monitoringClient>
    <monitoringClientId id:objectType="$1">
      <id:xRoadInstance>LAB</id:xRoadInstance><id:memberClass>ORG</id:memberClass><id:memberCode>1</id:memberCode>$2
    </monitoringClientId>
  </monitoringClient>
</x:conf>
LINES
}
named SUBSYSTEM '<id:subsystemCode>MON</id:subsystemCode>' >monitoring_params/subsystem
named MEMBER '' >monitoring_params/member
named MEMBER '<id:broken/>' >monitoring_params/broken
named MEMBER '' | sed '/<monitoringClientId/,/<\/monitoringClientId/d' >monitoring_params/off
files() { # NAME, TEXT of each
    while [ $# -gt 0 ]; do
        printf '%s\n%b%s' "$1" "$2" "$rs"
        shift 2
    done
}
files stat 'cpu  10 20 30 40 50 60 7 8 9 1\ncpu0 1\nintr 5\nprocesses 77\n' loadavg '0.10 1.25 12.00 1/523 9\n' \
    meminfo 'MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 500 kB\nBuffers: 50 kB\nCached: 200 kB\nSwapTotal: 8 kB\nSwapFree: 5 kB\n' \
    vmstat 'pswpin 7\npswpout 8\n' uptime '12345.67 23456.78\n' sys/fs/file-nr '1024\t0\t9223372036854775807\n' \
    pressure/cpu 'some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n' >proc_files/machine
files diskstats '   8       0 sda 10 1 100 5 20 2 200 7 0 1 2 0 0 0 0\n 253 0 vda 1 0 8 0 2 0 16 0 0 0 0\n' \
    net/dev 'Inter-|   Receive\n face |bytes\n  eth0:100 4 1 2 0 0 0 0 567 8 3 4 0 0 0 0\n' >proc_files/devices
files uptime '100.00 1.00\n' meminfo 'MemTotal: 1000 kB\n' version 'Linux version 6.1 (a@b)\n' self/statm '3 2 1\n' 1/comm 'init\n' \
    1/cmdline '/bin/a\0-x\0b\n\0' 1/stat '1 (a (b) c) S 1 7 7 0 -1 0 0 0 0 0 300 200 0 0 20 0 1 0 5000 1000 256 rest 0\n' >proc_files/process
files uptime '100.00 1.00\n' meminfo 'MemTotal: 0 kB\n' 1/stat '1 (a) S 1 7' >proc_files/cut
printf 'localhost:8080\nBasic YTpi\nfields=packages,%%20processes&x' >request_head/good
printf '[::1]:80\nbasic YTpiOmM=\n' >request_head/address
printf '127.0.0.1.example.org\nBearer x\nfields' >request_head/foreign
printf 'hello\nHTTP/1.1 200 OK\r\nX: y\r\n\r\nhello world' >http_answer/page
printf 'x\nSSH-2.0\r\n' >http_answer/other
