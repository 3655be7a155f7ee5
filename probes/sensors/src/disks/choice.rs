//! Which file systems are read. A function of values.

use super::mounts::Mount;
use std::collections::HashSet;

/// Which file systems somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All that are on this machine itself.
    Local,
    /// Those mounted here, whatever they are.
    Named(Vec<String>),
}

/// File systems of disks that have no device of their own, as far as the kernel's number says.
const LOCAL_WITHOUT_DEVICE: [&str; 5] = ["btrfs", "zfs", "bcachefs", "ubifs", "jffs2"];

/// Images that are always full, and what another program serves, which may hang.
const NOT_LOCAL: [&str; 6] = ["squashfs", "iso9660", "erofs", "cramfs", "fuseblk", "autofs"];

/// An automount point, which to ask is to mount.
const AUTOMOUNT: &str = "autofs";

impl Wanted {
    fn wants(&self, mount: &Mount) -> bool {
        match self {
            Wanted::Local => is_local(mount),
            Wanted::Named(names) => {
                mount.kind != AUTOMOUNT && names.iter().any(|name| name.as_bytes() == mount.point)
            }
        }
    }
}

/// By the device: one that is numbered is this machine's. The root of a container is made of layers.
fn is_local(mount: &Mount) -> bool {
    let kind = mount.kind.as_str();
    let is_disk = mount.device.0 != 0 && !NOT_LOCAL.contains(&kind);
    is_disk || LOCAL_WITHOUT_DEVICE.contains(&kind) || (kind == "overlay" && mount.point == b"/")
}

/// What is wanted, each device once, at its shortest path; those of this machine first, since others may hang.
pub(super) fn choose(mounts: Vec<Mount>, wanted: &Wanted) -> Vec<Mount> {
    let mut mounts: Vec<_> = mounts.into_iter().filter(|mount| wanted.wants(mount)).collect();
    mounts.sort_by(|a, b| (a.point.len(), &a.point).cmp(&(b.point.len(), &b.point)));
    let mut devices = HashSet::new();
    mounts.retain(|mount| devices.insert(mount.device));
    mounts.sort_by_key(|mount| !is_local(mount));
    mounts
}

#[cfg(test)]
mod tests {
    use super::super::mounts::parse;
    use super::*;

    const MOUNTS: &str = "\
1 1 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:5 / /proc rw - proc proc rw
3 1 0:9 / /tmp rw - tmpfs tmpfs rw
4 1 8:2 / /srv2/long rw - xfs /dev/sda2 rw
5 1 8:2 /x /srv rw - xfs /dev/sda2 rw
6 1 0:30 / /home rw - nfs4 server:/home rw
7 1 7:1 / /snap rw - squashfs /dev/loop1 rw
8 1 0:31 /a /data rw - btrfs /dev/sdb rw
9 1 0:31 /b /data2 rw - btrfs /dev/sdb rw
10 1 0:40 / /auto rw - autofs systemd-1 rw
11 1 0:41 / /mnt/ssh rw - fuse.sshfs a:/ rw
12 1 8:33 / /mnt/ntfs rw - fuseblk /dev/sdc1 rw
";

    fn chosen(wanted: &Wanted) -> Vec<String> {
        let chosen = choose(parse(MOUNTS.as_bytes()), wanted);
        chosen.iter().map(|mount| String::from_utf8_lossy(&mount.point).into_owned()).collect()
    }

    #[test]
    fn local_ones_once_and_others_by_name() {
        assert_eq!(chosen(&Wanted::Local), ["/", "/srv", "/data"]);
        let named = |names: &[&str]| Wanted::Named(names.iter().map(ToString::to_string).collect());
        assert_eq!(chosen(&named(&["/", "/tmp", "/home", "/auto", "/none"])), ["/", "/tmp", "/home"]);
        assert_eq!(
            chosen(&named(&["/srv2/long", "/mnt/ssh", "/mnt/ntfs", "/data2"])),
            ["/data2", "/srv2/long", "/mnt/ssh", "/mnt/ntfs"]
        );
        assert_eq!(chosen(&named(&["/data", "/data2"])), ["/data"]);
    }
}
