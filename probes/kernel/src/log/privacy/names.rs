//! Names that are of people and of their devices: MAC and IP addresses, UUIDs, serial numbers, pools, home directories.

/// Words before a number that tells one device from all others.
const SERIALS: [&str; 7] =
    ["serial", "SerialNumber", "Serial", "PPIN", "fru_id", "Serial-Number", "serial_number"];

/// Words before a quoted name.
const QUOTED: [&str; 5] = ["Pool", "pool", "proc_dir_entry", "dataset", "device-mapper"];

/// Directories of the kernel's tree, from which on a path says nothing about who built it.
const TREES: [&str; 17] = [
    "/arch/",
    "/block/",
    "/crypto/",
    "/drivers/",
    "/fs/",
    "/include/",
    "/init/",
    "/io_uring/",
    "/ipc/",
    "/kernel/",
    "/lib/",
    "/mm/",
    "/net/",
    "/rust/",
    "/security/",
    "/sound/",
    "/virt/",
];

/// The text without them.
pub(super) fn without_names(text: &str) -> String {
    let text = without_quoted(&without_dentry(text));
    let text = without_interface(&without_unmounted(&text));
    let mut shown = String::with_capacity(text.len());
    let is_end = |c: char| c.is_whitespace() || ",;()[]{}\"'=<>|".contains(c);
    let mut before = "";
    let mut is_section = false;
    for piece in text.split_inclusive(is_end) {
        let token = piece.trim_end_matches(is_end);
        let bare = token.trim_end_matches([':', '.', '!']);
        let rest = piece.get(bare.len()..).unwrap_or_default();
        is_section |= matches!(bare, "section_type" | "section") || before == "section" && bare == "type";
        let is_serial = SERIALS.contains(&before) && !bare.is_empty() && bare != "number" && bare != "0";
        match replacement(bare, is_section).or_else(|| is_serial.then(|| "(serial)".to_owned())) {
            Some(name) => shown.push_str(&name),
            None => shown.push_str(bare),
        }
        shown.push_str(rest);
        if !bare.is_empty() && bare != "number" {
            before = bare;
        }
    }
    shown
}

fn replacement(token: &str, is_section: bool) -> Option<String> {
    // Most words have neither.
    if !token.bytes().any(|byte| byte.is_ascii_digit() || byte == b'/' || byte == b':') {
        return None;
    }
    if is_mac(token) {
        return Some("(mac)".to_owned());
    }
    if let Some(kind) = interface_with_mac(token) {
        return Some(format!("{kind}(mac)"));
    }
    if is_uuid(token) {
        return (!is_section).then(|| "(uuid)".to_owned());
    }
    if let Some(rest) = after_ipv4(token) {
        return Some(format!("(ip){rest}"));
    }
    if is_ipv6(token) {
        return Some("(ip)".to_owned());
    }
    path(token)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `00:00:5e:00:53:01`
fn is_mac(token: &str) -> bool {
    [':', '-'].iter().any(|mark| {
        token.len() == 17
            && token.split(*mark).count() == 6
            && token.split(*mark).all(|part| part.len() == 2 && is_hex(part))
    })
}

/// `enx00005e005301`, as udev names an interface without a slot.
fn interface_with_mac(token: &str) -> Option<&str> {
    let (kind, digits) = token.split_at_checked(token.len().checked_sub(12)?)?;
    let is_kind =
        (2..=3).contains(&kind.len()) && kind.ends_with('x') && kind.bytes().all(|b| b.is_ascii_lowercase());
    (is_kind && is_hex(digits)).then_some(kind)
}

pub(super) fn is_uuid(token: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    // Every word is asked.
    token.len() == 36
        && token.as_bytes().get(8) == Some(&b'-')
        && token.split('-').map(str::len).eq(lengths)
        && token.split('-').all(is_hex)
}

/// What follows an IPv4 address: a port, or the bits of a network.
fn after_ipv4(token: &str) -> Option<&str> {
    let end = token.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(token.len());
    let (address, rest) = token.split_at_checked(end)?;
    let is_address = address.parse::<std::net::Ipv4Addr>().is_ok();
    (is_address && (rest.is_empty() || rest.starts_with([':', '/', '%']))).then_some(rest)
}

fn is_ipv6(token: &str) -> bool {
    let address = token.split(['%', '/']).next().unwrap_or(token);
    // Rust's `a::b` has letters behind f, and is none.
    address.len() > 3
        && address.bytes().filter(|byte| *byte == b':').count() > 1
        && address.parse::<std::net::Ipv6Addr>().is_ok()
}

/// A path below somebody's home, as of a kernel that was built there.
fn path(token: &str) -> Option<String> {
    if let Some(at) = token.find("/dev/mapper/") {
        return Some(format!("{}/dev/mapper/(name)", token.get(..at)?));
    }
    let at = ["/home/", "/root/", "/Users/"].iter().filter_map(|home| token.find(home)).min()?;
    let (before, path) = token.split_at_checked(at)?;
    let mut below = TREES.iter().filter_map(|tree| path.rfind(tree)).max();
    // `/net/` of `/drivers/net/` is the tree's, too.
    while let Some(tree) = below {
        let before = path.get(..=tree)?;
        match TREES.iter().find(|parent| before.ends_with(**parent)) {
            Some(parent) => below = Some(tree + 1 - parent.len()),
            None => break,
        }
    }
    let shown = match below {
        Some(tree) => path.get(tree + 1..)?,
        None => path.rsplit('/').next()?,
    };
    Some(format!("{before}{shown}"))
}

/// `BUG: Dentry ffff{i=1,n=NAME} still in use (1) [unmount of ext4 sda1]`: a file of somebody's.
fn without_dentry(text: &str) -> String {
    let Some((head, braces)) = text.split_once('{').filter(|_| text.starts_with("BUG: Dentry")) else {
        return text.to_owned();
    };
    let after = braces.rsplit_once('}').map_or("", |(_, after)| after.trim_start());
    let after = after.split(" [unmount of").next().unwrap_or_default();
    format!("{} {after}", head.trim_end()).trim_end().to_owned()
}

/// `VFS: Busy inodes after unmount of NAME (ext4)`
fn without_unmounted(text: &str) -> String {
    let head = "after unmount of ";
    let found = if text.starts_with("VFS: ") { text.split_once(head) } else { None };
    let Some((before, after)) = found else { return text.to_owned() };
    let end = after.find(" (").unwrap_or(after.len());
    format!("{before}{head}(name){}", after.get(end..).unwrap_or_default())
}

/// `e1000e 0000:00:1f.6 eth0: NETDEV WATCHDOG: ...`: of these words the driver's is nobody's.
fn without_interface(text: &str) -> String {
    // Most sentences have no capital N, and are asked.
    if memchr::memchr(b'N', text.as_bytes()).is_none() {
        return text.to_owned();
    }
    let Some((device, rest)) = text.split_once(": NETDEV WATCHDOG: ") else { return text.to_owned() };
    let driver = match device.split_once(' ') {
        Some((driver, _)) => driver,
        None => "device",
    };
    format!("({driver}): NETDEV WATCHDOG: {rest}")
}

/// `Pool 'NAME' has ...`, `proc_dir_entry 'NAME' already registered`
fn without_quoted(text: &str) -> String {
    let mut shown = text.to_owned();
    if !shown.contains(['\'', '"']) {
        return shown;
    }
    for word in QUOTED {
        for quote in ['\'', '"'] {
            let head = format!("{word} {quote}");
            let Some(at) = shown.find(&head) else { continue };
            let start = at + head.len();
            let end =
                shown.get(start..).and_then(|rest| rest.find(quote)).map_or(shown.len(), |end| start + end);
            shown.replace_range(start..end, "(name)");
        }
    }
    shown
}
