use super::*;
use std::fs;
use std::os::unix::fs::symlink;

const LIMIT: u32 = 512 * 1024;

/// The next answers of helpers, of which there are some.
fn wait<T>(files: &mut ForeignFiles<T>) -> Vec<Answer<T>> {
    loop {
        files.wait(Instant::now());
        let answers = files.take(Instant::now());
        if !answers.is_empty() || files.helpers.is_empty() {
            return answers;
        }
    }
}

/// What one file is.
fn read(files: &mut ForeignFiles<u32>, path: &Path) -> Result<ForeignFile, String> {
    files.ask(7, path, LIMIT, 42, Instant::now()).unwrap();
    let [answer] = <[_; 1]>::try_from(wait(files)).unwrap();
    assert_eq!(answer.tokens, [42]);
    answer.file.map_err(|error| error.to_string())
}

#[test]
fn a_file_is_read_as_it_is_up_to_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let mut files = ForeignFiles::new().unwrap();
    for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, LIMIT as usize] {
        let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let file = read(&mut files, &path).unwrap();
        assert!(file.bytes == bytes, "{length}");
        assert_eq!((file.owner, file.mode & 0o170_000), (nix::unistd::geteuid().as_raw(), 0o100_000));
    }
    fs::write(&path, vec![0; LIMIT as usize + 1]).unwrap();
    assert_eq!(read(&mut files, &path), Err(format!("larger than {LIMIT} bytes")));
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let link = dir.path().join("link");
    symlink(&fifo, &link).unwrap();
    for no_file in [dir.path(), &fifo, &link, Path::new("/dev/zero")] {
        assert_eq!(read(&mut files, no_file), Err("not a regular file".to_owned()));
    }
    assert!(read(&mut files, &dir.path().join("none")).unwrap_err().contains("No such file"));
    assert!(read(&mut files, Path::new("/proc/self/exe")).is_err(), "a link of the kernel's own");
    assert_eq!(files.helpers.len(), 1, "one helper did it all");
}

#[test]
fn a_helper_has_nothing_of_the_daemon_open() {
    let _open = fs::File::open("/").unwrap();
    let mut files = ForeignFiles::new().unwrap();
    read(&mut files, Path::new("/none")).unwrap_err();
    let pid = files.helpers[0].pid;
    assert_eq!(fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(), "telemetry-files\n");
}

#[test]
fn a_helper_that_does_not_answer_costs_its_user_a_minute_and_nobody_else_anything() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, "x").unwrap();
    let mut files = ForeignFiles::new().unwrap();
    read(&mut files, &path).unwrap();
    let pid = files.helpers[0].pid;
    kill(pid, Signal::SIGSTOP).unwrap();
    let asked = Instant::now();
    for token in 0..3 {
        files.ask(7, &path, LIMIT, token, asked).unwrap();
    }
    files.ask(8, &path, LIMIT, 8, asked).unwrap();
    let others = wait(&mut files);
    assert_eq!((others[0].tokens.as_slice(), others[0].file.is_ok()), ([8].as_slice(), true));
    assert!(files.take(asked + ANSWER_TIME / 2).is_empty());
    let failed = files.take(asked + ANSWER_TIME);
    assert_eq!(failed[0].tokens, [0, 1, 2]);
    assert!(matches!(failed[0].file, Err(FileError::NoAnswer(_))));
    let until = asked + ANSWER_TIME + BLOCKED_TIME;
    assert_eq!(files.ask(7, &path, LIMIT, 0, asked), Err(NoAnswer { retry: until }));
    // Once it is dead its place is free.
    while !files.ending.is_empty() {
        files.reap();
        std::thread::yield_now();
    }
    files.ask(7, &path, LIMIT, 9, until).unwrap();
    assert_eq!(wait(&mut files)[0].tokens, [9]);
}

#[test]
fn users_beyond_the_places_wait_for_one_that_is_idle() {
    let mut files = ForeignFiles::new().unwrap();
    let now = Instant::now();
    for user in 0..PLACES as u32 {
        files.ask(user, Path::new("/none"), LIMIT, user, now).unwrap();
    }
    assert_eq!(
        files.ask(100, Path::new("/none"), LIMIT, 100, now),
        Err(NoAnswer { retry: now + RETRY_TIME })
    );
    let mut answered = Vec::new();
    while answered.len() < PLACES {
        answered.extend(wait(&mut files).into_iter().flat_map(|answer| answer.tokens));
    }
    files.ask(100, Path::new("/none"), LIMIT, 100, now).unwrap();
    assert_eq!(files.helpers.len(), PLACES);
    assert_eq!(wait(&mut files)[0].tokens, [100]);
    // And all end when nobody needs them.
    assert!(files.take(now + 2 * IDLE_TIME).is_empty());
    assert!(files.helpers.is_empty());
}

#[test]
fn what_is_not_begun_is_shared_and_the_rest_is_bounded() {
    let mut files = ForeignFiles::new().unwrap();
    let now = Instant::now();
    let ask = |files: &mut ForeignFiles<usize>, path: usize, token| {
        files.ask(7, Path::new(&format!("/none/{path}")), LIMIT, token, now)
    };
    for token in 0..PATHS_WAITING {
        ask(&mut files, token, token).unwrap();
    }
    assert!(ask(&mut files, PATHS_WAITING, 0).is_err());
    ask(&mut files, 1, 1000).unwrap();
    let mut answers = Vec::new();
    while answers.len() < PATHS_WAITING {
        answers.extend(wait(&mut files));
    }
    assert_eq!(answers[1].tokens, [1, 1000]);
}

#[test]
fn a_helper_that_was_killed_is_one_that_does_not_answer() {
    let mut files = ForeignFiles::new().unwrap();
    read(&mut files, Path::new("/none")).unwrap_err();
    kill(files.helpers[0].pid, Signal::SIGKILL).unwrap();
    files.ask(7, Path::new("/none"), LIMIT, 1, Instant::now()).unwrap();
    let answers = wait(&mut files);
    assert_eq!(answers[0].tokens, [1]);
    assert!(matches!(answers[0].file, Err(FileError::NoAnswer(_))));
}
