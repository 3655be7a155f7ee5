//! A file system that does not answer: FUSE, spoken directly, with a program that takes requests and leaves them there. Only
//! root can mount it.
//!
//! Whoever waits for a request that was taken cannot be killed until the file system is gone, which is the worst that a
//! mount of a user can do.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// Any name that is looked up: `open` and `stat` hang.
    Lookup,
    /// Reading: every name is a regular file that can be opened.
    Read,
    /// How full it is: `statfs` hangs.
    StatFs,
}

/// The mounted file system, until it is dropped.
#[derive(Debug)]
pub struct HungFs {
    path: PathBuf,
    hanging: Arc<AtomicUsize>,
}

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const INIT: u32 = 26;

/// Of the root directory.
const ROOT_NODE: u64 = 1;

const ENOSYS: i32 = 38;

/// Of a request's head.
const HEAD_BYTES: usize = 40;

impl HungFs {
    /// Mounts one at a directory, which is made. Its files belong to `owner`.
    ///
    /// # Panics
    /// It cannot be mounted.
    pub fn mount(path: &Path, hang: Hang, owner: u32) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("hung"), path, Some("fuse"), flags, Some(options.as_str())).unwrap();
        let hanging = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&hanging);
        std::thread::spawn(move || serve(&device, hang, owner, &counter));
        Self { path: path.to_owned(), hanging }
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// How many requests were taken and not answered.
    pub fn hanging(&self) -> usize {
        self.hanging.load(Ordering::Relaxed)
    }
}

impl Drop for HungFs {
    /// Whoever waits gets an error.
    fn drop(&mut self) {
        let _ = umount2(&self.path, MntFlags::MNT_FORCE | MntFlags::MNT_DETACH);
    }
}

/// Until it is unmounted.
fn serve(mut device: &File, hang: Hang, owner: u32, hanging: &AtomicUsize) {
    let mut request = vec![0; 256 * 1024];
    while let Ok(length) = device.read(&mut request) {
        let request = &request[..length];
        let number = |offset: usize| u32::from_ne_bytes(request[offset..offset + 4].try_into().unwrap());
        let node = u64::from_ne_bytes(request[16..24].try_into().unwrap());
        let answer = match (number(4), hang) {
            (LOOKUP, Hang::Lookup) | (READ, _) | (STATFS, Hang::StatFs) => {
                hanging.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            (FORGET, _) => continue,
            (INIT, _) => Ok(init(number(HEAD_BYTES + 8))),
            (LOOKUP, Hang::Read | Hang::StatFs) => Ok(entry(owner)),
            (GETATTR, _) => Ok([vec![0; 16], attributes(node, owner)].concat()),
            // The handle, the flags.
            (OPEN, _) => Ok(vec![0; 16]),
            (RELEASE, _) => Ok(Vec::new()),
            _ => Err(ENOSYS),
        };
        let (error, body) = answer.map_or_else(|errno| (-errno, Vec::new()), |body| (0, body));
        let length = (16 + body.len()) as u32;
        let head = [&length.to_ne_bytes()[..], &i32::to_ne_bytes(error), &request[8..16]].concat();
        // One that was interrupted is gone.
        let _ = device.write(&[head, body].concat());
    }
}

/// Version 7.31, and nothing of what it offers.
fn init(max_readahead: u32) -> Vec<u8> {
    let mut body = words(&[7, 31, max_readahead, 0, 0, 4096, 1]);
    body.resize(64, 0);
    body
}

/// A node that is remembered for no time.
fn entry(owner: u32) -> Vec<u8> {
    let node = ROOT_NODE + 1;
    [node.to_ne_bytes().to_vec(), vec![0; 32], attributes(node, owner)].concat()
}

fn attributes(node: u64, owner: u32) -> Vec<u8> {
    let mode = if node == ROOT_NODE { 0o40_755 } else { 0o100_644 };
    // Number, size, blocks, three times.
    let longs: Vec<u8> = [node, 100, 1, 0, 0, 0].iter().flat_map(|long| long.to_ne_bytes()).collect();
    [longs, words(&[0, 0, 0, mode, 1, owner, owner, 0, 4096, 0])].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
