#!/bin/sh
# The first process of the machine that tests/tests/kernel_machine.rs boots. /shared is a directory of the test: what
# stands there outlives the machine. Each step says what it did on the console; the test reads what became of it.

say() {
    echo "kernel-test: $*"
}

# Waits for a command to succeed, for as long as a machine in software emulation may need.
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 900 ]; then
            say "FAILED: $* did not come true"
            end
        fi
        sleep 0.1
    done
}

end() {
    sync
    umount /shared
    poweroff -f
}

# Whether this many records lie in the spool. A batch has a line for each.
spooled() {
    [ "$(cat /shared/spool/* 2>/dev/null | grep -c '^record_format_version: ')" -ge "$1" ]
}

start_telemprobd() {
    telemprobd &
    telemprobd_pid=$!
    await test -S /run/telem-0
}

start_klogscanner() {
    klogscanner &
    klogscanner_pid=$!
}

provoke() {
    # In a process of its own, which the kernel may end.
    sh -c "echo $1 >/proc/provoke" 2>/dev/null
    say "provoked $1"
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t pstore pstore /sys/fs/pstore
for module in /modules/[0-9]*.ko; do
    insmod "$module" || say "FAILED: $module cannot be loaded"
done
# Beyond what the kernel uses (memmap= on its command line): it is there after a reboot, since nothing clears it.
insmod /modules/ramoops.ko mem_address=0xf000000 mem_size=0x100000 record_size=0x10000 ecc=1 ||
    say 'FAILED: ramoops cannot be loaded'
insmod /modules/provoke.ko
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 shared /shared || say 'FAILED: /shared cannot be mounted'
mkdir -p /etc/telemetrics
cp /shared/guest.conf /etc/telemetrics/telemetrics.conf
mkdir -p /shared/spool /shared/state /shared/log /shared/cache/pstore
# A soft lockup after 4 seconds.
echo 2 >/proc/sys/kernel/watchdog_thresh

after_panic() {
    say "pstore: $(echo /sys/fs/pstore/*)"
    start_telemprobd
    before=$(cat /shared/spool/* | grep -c '^record_format_version: ')
    pstoreclean || say 'FAILED: pstoreclean'
    say "pstore then: $(echo /sys/fs/pstore/*)"
    pstoreprobe || say 'FAILED: pstoreprobe'
    await spooled $((before + 1))
    # Once more: there is nothing more to report.
    pstoreclean || say 'FAILED: the second pstoreclean'
    pstoreprobe || say 'FAILED: the second pstoreprobe'
    # The log of this boot has nothing to report either; what an earlier boot had is not reported again.
    start_klogscanner
    await test -e /run/klogscanner.pid
    kill "$klogscanner_pid"
    wait "$klogscanner_pid" || say 'FAILED: klogscanner after the panic'
    kill "$telemprobd_pid"
    wait "$telemprobd_pid"
    say 'complete'
    end
}

if [ -e /shared/panicked ]; then
    after_panic
fi

start_telemprobd
start_klogscanner
await test -e /run/klogscanner.pid

say 'the same warning three times, and what a program writes into the log'
provoke warning
provoke warning
provoke warning
echo '<0>BUG: kernel NULL pointer dereference, says a program' >/dev/kmsg
echo 'Kernel panic - not syncing: says a program' >/dev/kmsg
await spooled 1

say 'a bug and a null dereference'
provoke bug
provoke null-dereference
await spooled 3

say 'stopped and started again: what came meanwhile is reported, nothing else'
kill "$klogscanner_pid"
wait "$klogscanner_pid" || say 'FAILED: klogscanner ended with an error'
provoke another-warning
start_klogscanner
await spooled 4

say 'killed and started again'
kill -9 "$klogscanner_pid"
wait "$klogscanner_pid"
provoke soft-lockup
start_klogscanner
await spooled 5

say 'more lines than the kernel keeps, while klogscanner sleeps'
kill -STOP "$klogscanner_pid"
line=$(printf '%0800d' 0)
for block in 1 2 3 4 5 6 7 8 9 10; do
    for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        echo "$block $number $line"
    done >/tmp/lines
    while read -r text; do echo "<7>$text" >/dev/kmsg; done </tmp/lines
done
kill -CONT "$klogscanner_pid"
await grep -q '"lost_lines": [1-9]' /shared/state/klogscanner.json

say 'panic'
touch /shared/panicked
sync
echo 1 >/proc/sys/kernel/panic
provoke panic
say 'FAILED: the machine goes on'
end
