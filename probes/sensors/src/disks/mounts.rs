//! `mountinfo`: what is mounted where, and what of it can be seen.
//!
//! ```text
//! 36 35 98:0 /root /mount\040point rw,noatime master:1 ... - ext3 /dev/root rw,errors=continue
//! id parent device root of it, mount point, options, any number of tags, -, type, source, options of the file system
//! ```

use std::collections::{HashMap, HashSet};

/// A mount, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    id: u64,
    parent: u64,
    /// Major and minor number.
    pub(crate) device: (u32, u32),
    /// Where it is, as bytes: a path need not be UTF-8.
    pub(crate) point: Vec<u8>,
    /// Type of the file system.
    pub(crate) kind: String,
}

/// The mounts of whole lines that can be seen: none that another is mounted over.
pub(super) fn parse(bytes: &[u8]) -> Vec<Mount> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    visible(lines.filter_map(line).collect())
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let mut next = || words.next();
    let (id, parent, device) = (number(next()?)?, number(next()?)?, device(next()?)?);
    let (_root, point, _options) = (next()?, unescaped(next()?), next()?);
    // Tags end with a lone hyphen.
    words.by_ref().find(|word| *word == b"-")?;
    let kind = std::str::from_utf8(words.next()?).ok()?.to_owned();
    point.starts_with(b"/").then_some(Mount { id, parent, device, point, kind })
}

fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    let word = std::str::from_utf8(word).ok()?;
    if word.starts_with(|c: char| c.is_ascii_digit()) { word.parse().ok() } else { None }
}

fn device(word: &[u8]) -> Option<(u32, u32)> {
    let colon = word.iter().position(|byte| *byte == b':')?;
    Some((number(word.get(..colon)?)?, number(word.get(colon + 1..)?)?))
}

/// Blank, tab, newline, backslash and `#` are written as three octal digits.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, behind)) = rest.split_first() {
        let octal = (*first == b'\\').then(|| behind.get(..3)).flatten().and_then(octal);
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { behind.get(3..).unwrap_or_default() } else { behind };
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    let is_octal = digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
    if is_octal { u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok() } else { None }
}

/// A mount is hidden by one that stands on it, and with all that is in it by a neighbour on a directory above it. What is in
/// a mount beside the one that stands on it has that one for such a neighbour.
fn visible(mounts: Vec<Mount>) -> Vec<Mount> {
    // A root may be its own parent.
    let children = mounts.iter().filter(|mount| mount.id != mount.parent);
    let places: HashSet<(u64, &[u8])> =
        children.map(|mount| (mount.parent, mount.point.as_slice())).collect();
    let is_covered = |mount: &Mount| above(&mount.point).any(|above| places.contains(&(mount.parent, above)));
    let by_id: HashMap<u64, (u64, bool)> =
        mounts.iter().map(|mount| (mount.id, (mount.parent, is_covered(mount)))).collect();
    let is_visible = |mount: &Mount| {
        !places.contains(&(mount.id, mount.point.as_slice())) && can_be_seen(mount.id, &by_id)
    };
    let is_visible: Vec<bool> = mounts.iter().map(is_visible).collect();
    let kept = mounts.into_iter().zip(is_visible).filter(|(_, is_visible)| *is_visible);
    kept.map(|(mount, _)| mount).collect()
}

fn can_be_seen(id: u64, by_id: &HashMap<u64, (u64, bool)>) -> bool {
    let mut id = id;
    // As many steps as there are mounts: a list that somebody made up may have a circle.
    for _ in 0..by_id.len() {
        match by_id.get(&id) {
            Some((_, true)) => return false,
            Some((parent, false)) if *parent != id => id = *parent,
            _ => return true,
        }
    }
    false
}

/// The directories above a path.
fn above(point: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = point.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let above = slashes.filter_map(|(place, _)| point.get(..place.max(1)));
    above.filter(move |above| *above != point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(text: &str) -> Vec<String> {
        parse(text.as_bytes())
            .iter()
            .map(|mount| String::from_utf8_lossy(&mount.point).into_owned())
            .collect()
    }

    #[test]
    fn a_line_is_read_whatever_its_tags_and_names() {
        let text = b"36 1 98:0 /x /a\\040b\\012\\134\\777 rw - ext3 /dev/root rw\n\
                     37 1 0:25 / /c\xff rw shared:1 master:2 propagate_from:3 - fuse.sshfs  rw\n\
                     38 1 0 / /d rw - x y z\n39 1 0:3 / /cut rw - ext4 /dev/x rw";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2, "{mounts:?}");
        assert_eq!(mounts[0].point, b"/a b\n\\\\777");
        assert_eq!((mounts[0].device, mounts[0].kind.as_str()), ((98, 0), "ext3"));
        assert_eq!((mounts[1].point.as_slice(), mounts[1].kind.as_str()), (&b"/c\xff"[..], "fuse.sshfs"));
    }

    #[test]
    fn what_is_mounted_over_is_not_seen() {
        let root = "1 1 8:1 / / rw - ext4 a rw\n";
        let line = |id, parent, point| format!("{id} {parent} 8:{id} / {point} rw - ext4 a rw\n");
        // The second stands on the first.
        let stacked =
            [root, &line(2, 1, "/m"), &line(3, 2, "/m"), &line(4, 2, "/m/old"), &line(5, 3, "/m/new")];
        assert_eq!(points(&stacked.concat()), ["/", "/m", "/m/new"]);
        assert_eq!(parse(stacked.concat().as_bytes())[1].device, (8, 3));
        // A neighbour came above later.
        let over = [root, &line(2, 1, "/m/a"), &line(3, 2, "/m/a/b"), &line(4, 1, "/m"), &line(5, 1, "/mn")];
        assert_eq!(points(&over.concat()), ["/", "/m", "/mn"]);
        // The first root of a machine, and the one that was mounted over it.
        let roots = [root, &line(2, 1, "/"), &line(3, 1, "/old"), &line(4, 2, "/new")];
        assert_eq!(points(&roots.concat()), ["/", "/new"]);
    }

    proptest! {
        #[test]
        fn noise_and_circles_end(bytes in prop::collection::vec(any::<u8>(), 0..200),
            links in prop::collection::vec((0..6_u64, 0..6_u64, 0..4_usize), 0..20)) {
            parse(&bytes);
            let points = ["/", "/a", "/a/b", "/c"];
            let text: String = links.iter()
                .map(|(id, parent, point)| format!("{id} {parent} 8:1 / {} rw - ext4 a rw\n", points[*point]))
                .collect();
            prop_assert!(parse(text.as_bytes()).len() <= links.len());
        }

        #[test]
        fn every_path_comes_back(path in prop::collection::vec(any::<u8>(), 0..20)) {
            let escaped: Vec<u8> = path.iter().flat_map(|byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                byte => vec![*byte],
            }).collect();
            prop_assert_eq!(unescaped(&escaped), path);
        }
    }
}
