//! Names that are of people and of their devices: MAC and IP addresses, UUIDs, serial numbers, pools, home directories.

use super::words::{Replaced, run};

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

/// Bytes of `enx00005e005301`, whose digits may all be letters, at least.
const INTERFACE_BYTES: usize = 14;

/// Words that none of this can be are passed over by these bits.
const END: u8 = 1;
const MARK: u8 = 2;
const WIDE: u8 = 4;

/// What a byte is: one that ends a word, one that a name of these kinds has, one of a character of several bytes.
static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let Some((kind, next)) = rest.split_first_mut() {
        *kind = match byte {
            b'0'..=b'9' | b'/' | b':' | b'-' => MARK,
            b'\t'..=b'\r'
            | b' '
            | b','
            | b';'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'"'
            | b'\''
            | b'='
            | b'<'
            | b'>'
            | b'|' => END,
            128.. => WIDE,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = next;
    }
    kinds
}

/// The text without words that are such names; none if it has none.
pub(super) fn without_words(text: &str) -> Option<String> {
    let mut replaced = Replaced::new(text);
    let mut before = "";
    let mut is_section = false;
    let mut at = 0;
    while let Some(token) = Token::take(text, at) {
        let bare = token.bare;
        is_section |= matches!(bare, "section_type" | "section") || before == "section" && bare == "type";
        let is_serial = is_before_serial(before) && !bare.is_empty() && bare != "number" && bare != "0";
        if token.has_mark || is_serial || bare.len() >= INTERFACE_BYTES {
            let name = replacement(bare, is_section).or_else(|| is_serial.then(|| "(serial)".to_owned()));
            name.into_iter().for_each(|name| replaced.replace(at, at + bare.len(), &name));
        }
        if !bare.is_empty() && bare != "number" {
            before = bare;
        }
        at = token.next;
    }
    replaced.finish()
}

/// A word, which may be empty.
struct Token<'a> {
    /// Without the punctuation at its end.
    bare: &'a str,
    has_mark: bool,
    /// Where the next one begins.
    next: usize,
}

impl<'a> Token<'a> {
    fn take(text: &'a str, from: usize) -> Option<Self> {
        let rest = text.get(from..).filter(|rest| !rest.is_empty())?;
        let (mut kinds, mut end, mut end_bytes) = (0, rest.len(), 0);
        for (at, byte) in rest.bytes().enumerate() {
            let kind = KINDS.get(usize::from(byte)).copied().unwrap_or_default();
            kinds |= kind;
            if kind & (END | WIDE) != 0
                && let Some(c) = rest.get(at..).and_then(|rest| rest.chars().next())
                && (kind == END || c.is_whitespace())
            {
                (end, end_bytes) = (at, c.len_utf8());
                break;
            }
        }
        let token = rest.get(..end).unwrap_or_default();
        let is_of_word = |byte: &u8| !matches!(byte, b':' | b'.' | b'!');
        let bare_bytes = token.as_bytes().iter().rposition(is_of_word).map_or(0, |last| last + 1);
        let bare = token.get(..bare_bytes).unwrap_or_default();
        Some(Self { bare, has_mark: kinds & MARK != 0, next: from + end + end_bytes })
    }
}

/// Words before a number that tells one device from all others.
fn is_before_serial(word: &str) -> bool {
    matches!(
        word,
        "serial" | "SerialNumber" | "Serial" | "PPIN" | "fru_id" | "Serial-Number" | "serial_number"
    )
}

fn replacement(token: &str, is_section: bool) -> Option<String> {
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
    let end = run(token.as_bytes(), |byte| byte.is_ascii_digit() || byte == b'.');
    let (address, rest) = token.split_at_checked(end)?;
    // `0.0.0.0` has seven bytes.
    let is_address = address.len() > 6 && address.parse::<std::net::Ipv4Addr>().is_ok();
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
    let first_of = |heads: &[&str]| {
        let mut slashes = memchr::memchr_iter(b'/', token.as_bytes());
        slashes
            .find(|at| token.get(*at..).is_some_and(|rest| heads.iter().any(|head| rest.starts_with(head))))
    };
    if let Some(at) = first_of(&["/dev/mapper/"]) {
        return Some(format!("{}/dev/mapper/(name)", token.get(..at)?));
    }
    let at = first_of(&["/home/", "/root/", "/Users/"])?;
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
pub(super) fn without_dentry(text: &str) -> Option<String> {
    let (head, braces) = if text.starts_with("BUG: Dentry") { text.split_once('{')? } else { return None };
    let after = braces.rsplit_once('}').map_or("", |(_, after)| after.trim_start());
    let after = after.split(" [unmount of").next().unwrap_or_default();
    Some(format!("{} {after}", head.trim_end()).trim_end().to_owned())
}

/// `VFS: Busy inodes after unmount of NAME (ext4)`
pub(super) fn without_unmounted(text: &str) -> Option<String> {
    let head = "after unmount of ";
    let (before, after) = if text.starts_with("VFS: ") { text.split_once(head)? } else { return None };
    let end = after.find(" (").unwrap_or(after.len());
    Some(format!("{before}{head}(name){}", after.get(end..).unwrap_or_default()))
}

/// `e1000e 0000:00:1f.6 eth0: NETDEV WATCHDOG: ...`: of these words the driver's is nobody's.
pub(super) fn without_interface(text: &str) -> Option<String> {
    // Most sentences have no capital N, and are asked.
    let mut capitals = memchr::memchr_iter(b'N', text.as_bytes());
    capitals.find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with("NETDEV WATCHDOG: ")))?;
    let (device, rest) = text.split_once(": NETDEV WATCHDOG: ")?;
    let driver = match device.split_once(' ') {
        Some((driver, _)) => driver,
        None => "device",
    };
    Some(format!("({driver}): NETDEV WATCHDOG: {rest}"))
}

/// `Pool 'NAME' has ...`, `proc_dir_entry 'NAME' already registered`
pub(super) fn without_quoted(text: &str) -> Option<String> {
    memchr::memchr2(b'\'', b'"', text.as_bytes())?;
    let mut shown = text.to_owned();
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
    Some(shown)
}
