#!/bin/bash
# Writes the dumps of the tests anew, from logs as the kernel cuts them: lines from the end of the log go into part 1 until
# it is full, those before them into part 2, and so on; each part has a header line.
set -euo pipefail
cd "$(dirname "$0")"
logs=../kernel_log

# cut_into REASON#COUNT BYTES NAME... <LOG. NAME... is a function with its arguments; the number of the part comes last.
cut_into() {
    local header=$1 most=$2 part=1 text='' line lines
    shift 2
    mapfile -t lines
    for ((at = ${#lines[@]} - 1; at >= 0; at--)); do
        line=${lines[at]}$'\n'
        if ((${#text} + ${#line} > most)) && [ -n "$text" ]; then
            printf '%s Part%d\n%s' "$header" "$part" "$text" >"$("$@" "$part")"
            part=$((part + 1)) text=''
        fi
        text=$line$text
    done
    printf '%s Part%d\n%s' "$header" "$part" "$text" >"$("$@" "$part")"
}

# efi STORE TIME COUNT PART: the name of a part; the time grows while parts are written.
efi() { echo "$dir/dmesg-$1-$(((($2 + $4 / 3) * 100 + $4) * 1000 + $3))"; }
erst() { echo "$dir/dmesg-erst-$(($1 + $2))"; }
file() { echo "$dir/$1"; }
file_of_part() { echo "$dir/$1$2"; }
begin() { dir=$1; rm -rf "$dir"; mkdir "$dir"; }
# pack FILE: as the kernel does, without a frame.
pack() { gzip -nc "$1" | tail -c +11 | head -c -8 >"$1.enc.z"; rm "$1"; }

boot_log() { printf '<6>[%5d.000000] usb 1-%d: new high-speed USB device number %d using xhci_hcd\n' 50 1 2 51 2 3 52 3 4; }
oops_log() { boot_log; cat $logs/null_dereference_6.1.log; }
panic_log() { oops_log; sed 's/^/<0>/' $logs/panic_6.1.log; }
old_log() { sed 's/^/<4>/' $logs/page_fault_3.16.log; }

begin efi_old_names
old_log | cut_into 'Oops#1' 900 efi efi 1427972881 1

begin efi_new_names
oops_log | cut_into 'Oops#1' 700 efi efi_pstore 1522672881 1

begin packed
oops_log | cut_into 'Oops#1' 1200 efi efi_pstore 1522672881 1
for dump in packed/*; do pack "$dump"; done

begin several_crashes
oops_log | cut_into 'Oops#1' 1000 efi efi 1522672881 1
panic_log | cut_into 'Panic#2' 1000 efi efi 1522672884 2
sed 's/^/<0>/; s/70\.00/71.00/' $logs/panic_6.1.log | cut_into 'Panic#1' 1000 efi efi 1522679999 1
old_log | cut_into 'Oops#1' 1000 efi efi 1522672700 1

# The part is missing in which the one ends and the other begins; the end of the log is missing.
begin incomplete
{ oops_log; sed 's/^/<4>/' $logs/warning_6.1.log; } | cut_into 'Panic#1' 1000 efi efi 1522672881 1
rm "$(efi efi 1522672881 1 3)"
old_log | cut_into 'Oops#1' 700 efi efi 1522672991 1
rm "$(efi efi 1522672991 1 1)"

begin unreadable_part
oops_log | cut_into 'Oops#1' 700 efi efi_pstore 1522672881 1
for dump in unreadable_part/*; do pack "$dump"; done
printf '\0\1\2lz4, perhaps' >"$(efi efi_pstore 1522672881 1 2).enc.z"
printf 'lzo, perhaps' >unreadable_part/dmesg-ramoops-0.enc.z

begin ramoops
old_log | cut_into 'Oops#1' 9999 file old
{ printf '====1427972881.123456-D\n'; cat ramoops/old; } >ramoops/dmesg-ramoops-0
rm ramoops/old
panic_log | cut_into 'Panic#1' 9999 file dmesg-ramoops-1
printf '\n2 Corrected bytes, 0 unrecoverable blocks\n' >>ramoops/dmesg-ramoops-1
sed 's/^/<4>/' $logs/kasan_6.1.log | cut_into 'Panic#1' 9999 file dmesg-ramoops-2
printf '\n0 Corrected bytes, 3 unrecoverable blocks\n' >>ramoops/dmesg-ramoops-2
panic_log | tee ramoops/console-ramoops-0 >ramoops/pmsg-ramoops-0

begin pstore_blk
panic_log | cut_into 'Panic#3' 9999 file new
{ printf 'Panic: Total 3 times\n'; cat pstore_blk/new; } >pstore_blk/dmesg-pstore_blk-0
rm pstore_blk/new

begin erst
oops_log | cut_into 'Oops#1' 1500 erst 6539920841236578304
panic_log | cut_into 'Panic#2' 1500 erst 6539920841236578309
old_log | cut_into 'Oops#1' 1500 erst 6539999999999999999

# As systemd-pstore leaves it; one where the parts are gone.
begin archive
mkdir -p archive/1522672881/001 archive/1427972881/001
oops_log | cut_into 'Oops#1' 1500 efi efi 1522672881 1
mv archive/dmesg-* archive/1522672881/001
oops_log >archive/1522672881/001/dmesg.txt
old_log | cut_into 'Oops#1' 700 file_of_part part
cat archive/part{4,3,2,1} >archive/1427972881/001/dmesg.txt
rm archive/part?
sed 's/^/<0>/' $logs/panic_6.1.log | cut_into 'Panic#1' 9999 file dmesg-ramoops-0
cp archive/dmesg-ramoops-0 archive/dmesg-ramoops-0~1

# A log without times: the oops is in the dump of the panic too.
begin without_times
oops_log | sed 's/\[ *[0-9.]*\] //' | cut_into 'Oops#1' 9999 file dmesg-ramoops-0
panic_log | sed 's/\[ *[0-9.]*\] //' | cut_into 'Panic#2' 9999 file dmesg-ramoops-1

begin no_failure
boot_log | cut_into 'Shutdown#1' 9999 file dmesg-ramoops-0

begin garbage
: >garbage/dmesg-ramoops-0
printf '\377\376\0\0BUG: \377\n\0' >garbage/dmesg-ramoops-1
printf 'Panic#1 Part4000000000\nnoise' >garbage/dmesg-efi-152267288101001
printf 'Panic#99999999999999999999 Part1\nnoise' >garbage/dmesg-efi-18446744073709551615
{ printf 'Oops#1 Part1\n<4>[    1.000000] WARNING: '; head -c 9000 /dev/zero | tr '\0' 'x'; } >garbage/dmesg-erst-1
sed 's/^/<0>/' $logs/panic_6.1.log >garbage/dmesg-ramoops-x
printf '====99999999999999999999999.1-C\nx' >garbage/dmesg-ramoops-2
cat $logs/noise.log >garbage/dmesg-ramoops-3
