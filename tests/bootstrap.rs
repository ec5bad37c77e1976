//! Bootstrap names between real processes.
#![allow(missing_docs)]

mod process;

use std::time::Duration;

use process::Peer;
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::Message;
use surfaceport::{Status, Timeout};

peers! {
    "say hello" => say_hello,
    "own" => own,
    "compete" => compete,
    "own a long name" => own_a_long_name,
    #[cfg(target_os = "linux")] "nobody" => linux::nobody,
    #[cfg(target_os = "linux")] "own beside nobody" => linux::own_beside_nobody,
    #[cfg(target_os = "linux")] "check the folder" => linux::check_the_folder,
    #[cfg(target_os = "linux")] "refused folder" => linux::refused_folder,
}

const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);
const BRIEFLY: Timeout = Timeout::from_nanoseconds(20_000_000);

/// Role: finds the name, waiting for it, and sends its process number.
fn say_hello(name: &str) {
    let owner = look_up(name, SOON).unwrap();
    owner.send(Message::with_payload(1, std::process::id().to_string()).unwrap(), SOON).unwrap();
}

/// Role: `name` or `name reporter`. Owns the name until it is killed, and says to the reporter that it does.
fn own(argument: &str) {
    let (name, reporter) = argument.split_once(' ').unwrap();
    let owned = check_in(name).unwrap();
    let report = look_up(reporter, SOON).unwrap();
    report.send(Message::new(1), SOON).unwrap();
    loop {
        // The report's end is the test's.
        if owned.receive(SOON).is_err() && report.is_dead().unwrap() {
            return;
        }
    }
}

/// Role: waits for the start, tries to own the name, reports, and keeps what it has until the reporter is gone.
fn compete(argument: &str) {
    let (name, reporter) = argument.split_once(' ').unwrap();
    let report = look_up(reporter, SOON).unwrap();
    let start = surfaceport::port::ReceiveRight::new().unwrap();
    let mut ready = Message::new(0);
    ready.attach(start.make_send().unwrap()).unwrap();
    report.send(ready, SOON).unwrap();
    start.receive(SOON).unwrap();
    let answer = check_in(name);
    let status = match &answer {
        Ok(_) => 1,
        Err(error) => 100 + error.status() as u32,
    };
    report.send(Message::new(status), SOON).unwrap();
    assert_eq!(start.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

fn own_a_long_name(_: &str) {
    // The whole way with the longest name: two owners, a look-up, an end.
    let name = format!("org.{}.{}", "x".repeat(60), "y".repeat(62));
    assert_eq!(name.len(), 127);
    let owned = check_in(&name).unwrap();
    assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
    look_up(&name, Timeout::NONE).unwrap().send(Message::new(5), SOON).unwrap();
    assert_eq!(owned.receive(SOON).unwrap().id(), 5);
    drop(owned);
    assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
}

#[test]
fn a_name_leads_to_its_owner() {
    let _alone = process::alone();
    let name = process::unique_name("hello");
    let owned = check_in(&name).unwrap();
    for _ in 0..3 {
        let peer = Peer::start("say hello", &name);
        let message = owned.receive(SOON).unwrap();
        assert_eq!(message.payload(), peer.id().to_string().as_bytes());
        assert_eq!(message.sender().unwrap().process_id, peer.id());
        assert!(peer.wait().success());
    }
}

#[test]
fn a_look_up_waits_until_the_name_appears() {
    let _alone = process::alone();
    let name = process::unique_name("appears");
    assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
    assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
    let peers: Vec<Peer> = (0..3).map(|_| Peer::start("say hello", &name)).collect();
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(&name, SOON));
        let owned = check_in(&name).unwrap();
        let mut seen: Vec<u32> =
            peers.iter().map(|_| owned.receive(SOON).unwrap().sender().unwrap().process_id).collect();
        let mut expected: Vec<u32> = peers.iter().map(Peer::id).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
        waiting.join().unwrap().unwrap()
    });
    drop(waiting);
    for peer in peers {
        assert!(peer.wait().success());
    }
}

#[test]
fn a_name_has_one_owner() {
    let _alone = process::alone();
    let name = process::unique_name("one");
    let owned = check_in(&name).unwrap();
    let error = check_in(&name).unwrap_err();
    assert_eq!(error.status(), Status::AlreadyExists);
    assert!(error.message().contains(&name), "{error}");
    drop(owned);
    // Given back, it is free at once, as often as one likes.
    for _ in 0..10 {
        drop(check_in(&name).unwrap());
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
    }
}

#[test]
fn of_many_processes_that_want_a_name_exactly_one_gets_it() {
    let _alone = process::alone();
    let reporter = process::unique_name("reporter");
    let reports = check_in(&reporter).unwrap();
    for round in 0..3 {
        let name = process::unique_name("wanted");
        let peers: Vec<Peer> =
            (0..5).map(|_| Peer::start("compete", &format!("{name} {reporter}"))).collect();
        let starts: Vec<_> =
            peers.iter().map(|_| reports.receive(SOON).unwrap().take_send_right(0).unwrap()).collect();
        for start in &starts {
            start.send(Message::new(0), SOON).unwrap();
        }
        let mut answers: Vec<u32> = peers.iter().map(|_| reports.receive(SOON).unwrap().id()).collect();
        answers.sort_unstable();
        let lost = 100 + Status::AlreadyExists as u32;
        assert_eq!(answers, [1, lost, lost, lost, lost], "round {round}");
        drop(starts);
        for peer in peers {
            assert!(peer.wait().success());
        }
    }
}

#[test]
fn threads_that_take_and_give_back_a_name_never_share_it() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let _alone = process::alone();
    let name = process::unique_name("threads");
    let (owners, won) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..300 {
                    match check_in(&name) {
                        Ok(owned) => {
                            assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0, "two owners at a time");
                            won.fetch_add(1, Ordering::SeqCst);
                            owners.fetch_sub(1, Ordering::SeqCst);
                            drop(owned);
                        }
                        Err(error) => assert_eq!(error.status(), Status::AlreadyExists),
                    }
                }
            });
        }
    });
    assert!(won.into_inner() > 0);
    drop(check_in(&name).unwrap());
}

#[test]
fn a_killed_owners_name_is_free_at_once() {
    let _alone = process::alone();
    let (name, reporter) = (process::unique_name("killed"), process::unique_name("reporter"));
    let reports = check_in(&reporter).unwrap();
    for _ in 0..5 {
        let mut peer = Peer::start("own", &format!("{name} {reporter}"));
        reports.receive(SOON).unwrap();
        assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
        let send = look_up(&name, Timeout::NONE).unwrap();
        peer.kill();
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound, "nobody is there");
        assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
        assert!(send.is_dead().unwrap());
        let owned = check_in(&name).unwrap();
        look_up(&name, Timeout::NONE).unwrap().send(Message::new(9), SOON).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 9);
    }
    // A look-up that waits while the dead owner's name is taken over finds the new one.
    let mut peer = Peer::start("own", &format!("{name} {reporter}"));
    reports.receive(SOON).unwrap();
    peer.kill();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(&name, SOON).unwrap().send(Message::new(4), SOON));
        let owned = check_in(&name).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 4);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn invalid_names_are_refused_everywhere() {
    let too_long = "x".repeat(128);
    for name in ["", ".", "a..b", "a/b", "../a", "a b", "a~lock", "a\0b", "\u{e4}", &too_long] {
        assert_eq!(check_in(name).unwrap_err().status(), Status::InvalidArgument, "{name:?}");
        assert_eq!(look_up(name, Timeout::NONE).unwrap_err().status(), Status::InvalidArgument, "{name:?}");
        assert_eq!(
            look_up(name, Timeout::FOREVER).unwrap_err().status(),
            Status::InvalidArgument,
            "{name:?}"
        );
    }
}

#[test]
fn the_longest_name_works() {
    let _alone = process::alone();
    own_a_long_name("");
}

#[test]
fn an_owner_that_takes_nobody_in_keeps_no_look_up_beyond_its_time() {
    let _alone = process::alone();
    let name = process::unique_name("busy");
    let owned = check_in(&name).unwrap();
    let mut found = Vec::new();
    let refused = loop {
        match look_up(&name, Timeout::NONE) {
            Ok(right) => found.push(right),
            Err(error) => break error,
        }
        // Where the system takes any number in, there is nothing to refuse.
        if found.len() == 4000 {
            return;
        }
    };
    assert_eq!(refused.status(), Status::ResourceExhausted, "{refused}");
    let start = std::time::Instant::now();
    assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(20), "it tried as long as it was asked to");
    // Those that were found are served, in spite of it, and whoever waits gets in then.
    for (n, right) in found.iter().enumerate() {
        right.send(Message::new(n as u32), SOON).unwrap();
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(&name, SOON).unwrap().send(Message::new(9999), SOON));
        let mut seen: Vec<u32> = (0..=found.len()).map(|_| owned.receive(SOON).unwrap().id()).collect();
        seen.sort_unstable();
        let expected = (0..found.len() as u32).chain([9999]).collect::<Vec<_>>();
        assert_eq!(seen, expected);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_storm_of_look_ups_does_not_keep_a_receive_beyond_its_time() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let _alone = process::alone();
    let name = process::unique_name("storm");
    let owned = check_in(&name).unwrap();
    let right = look_up(&name, SOON).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = look_up(&name, Timeout::NONE);
                }
            });
        }
        for n in 0..10 {
            // It ends: that is all there is to see. A machine that is slow does not make it fail.
            assert_eq!(owned.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
            right.send(Message::new(n), SOON).unwrap();
            assert_eq!(owned.receive(SOON).unwrap().id(), n, "and messages get through");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_crowd_that_comes_and_goes_leaves_nothing_at_the_owner() {
    let _alone = process::alone();
    let name = process::unique_name("crowd");
    let owned = check_in(&name).unwrap();
    #[cfg(target_os = "linux")]
    let before = process::open_descriptors();
    for n in 0..500 {
        let right = look_up(&name, SOON).unwrap();
        if n % 2 == 0 {
            right.send(Message::new(n), SOON).unwrap();
            assert_eq!(owned.receive(SOON).unwrap().id(), n);
        } else if n % 20 == 1 {
            drop(right);
            // No senders is never said of a name: the next one may come at any time.
            assert_eq!(owned.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        }
    }
    while owned.receive(BRIEFLY).is_ok() {}
    #[cfg(target_os = "linux")]
    assert_eq!(process::open_descriptors(), before);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};

    use super::*;

    /// A folder of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(mode: u32) -> Self {
            let path = std::env::temp_dir().join(process::unique_name("folder"));
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn run(role: &str, argument: &str, runtime_folder: Option<&Path>) -> bool {
        let mut command = process::command(role, argument);
        match runtime_folder {
            Some(path) => command.env("XDG_RUNTIME_DIR", path),
            None => command.env_remove("XDG_RUNTIME_DIR"),
        };
        command.status().unwrap().success()
    }

    /// Role: checks a name in and looks at where it is: the folder that the argument names.
    pub(super) fn check_the_folder(folder: &str) {
        let name = process::unique_name("place");
        let folder = Path::new(folder);
        let _owned = check_in(&name).unwrap();
        let status = std::fs::metadata(folder).unwrap();
        assert_eq!(status.mode() & 0o7777, 0o700);
        assert_eq!(status.uid(), rustix::process::geteuid().as_raw());
        assert!(folder.join(&name).exists());
        look_up(&name, Timeout::NONE).unwrap();
        own_a_long_name("");
        drop(_owned);
        let left: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|entry| entry.contains(&name))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn the_folder_of_names_is_the_users_alone() {
        let _alone = process::alone();
        let user = rustix::process::geteuid().as_raw();
        let fallback = format!("/tmp/surfaceport-{user}");
        let own = Folder::new(0o700);
        let place = |path: &Path| path.join("surfaceport").to_str().unwrap().to_owned();
        assert!(run("check the folder", &place(&own.0), Some(&own.0)));
        assert!(run("check the folder", &fallback, None));
        assert!(run("check the folder", &fallback, Some(Path::new(""))));
        assert!(run("check the folder", &fallback, Some(Path::new("relative/path"))));
        assert!(run("check the folder", &fallback, Some(Path::new("/nowhere/at/all"))));
        // Longer than the address of a socket can be, and longer than any path.
        let mut long = own.0.clone();
        (0..12).for_each(|_| long.push("d".repeat(100)));
        std::fs::create_dir_all(&long).unwrap();
        assert!(run("check the folder", &place(&long), Some(&long)));
        let beyond = PathBuf::from(format!("/{}", "d/".repeat(3000)));
        assert!(run("check the folder", &fallback, Some(&beyond)));
        if user == 0 {
            // The runtime folder of another user, as su leaves it in the environment.
            let others = Folder::new(0o700);
            std::os::unix::fs::chown(&others.0, Some(65_534), Some(65_534)).unwrap();
            assert!(run("check the folder", &fallback, Some(&others.0)));
            assert!(!others.0.join("surfaceport").exists(), "nothing is made there");
        }
    }

    /// Role: neither call works, and the error names the folder and says what to do.
    pub(super) fn refused_folder(folder: &str) {
        let name = process::unique_name("refused");
        for error in [check_in(&name).unwrap_err(), look_up(&name, Timeout::NONE).unwrap_err()] {
            assert_eq!(error.status(), Status::PermissionDenied, "{error}");
            assert!(
                error.message().contains(folder) && error.message().contains("XDG_RUNTIME_DIR"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_folder_that_others_could_enter_is_refused() {
        let _alone = process::alone();
        for mode in [0o701, 0o710, 0o770, 0o777, 0o1777, 0o755] {
            let runtime = Folder::new(0o700);
            let names = runtime.0.join("surfaceport");
            std::fs::create_dir(&names).unwrap();
            std::fs::set_permissions(&names, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(run("refused folder", names.to_str().unwrap(), Some(&runtime.0)), "{mode:o}");
        }
        let runtime = Folder::new(0o700);
        let names = runtime.0.join("surfaceport");
        std::fs::write(&names, b"a file").unwrap();
        assert!(run("refused folder", names.to_str().unwrap(), Some(&runtime.0)), "a file");
        std::fs::remove_file(&names).unwrap();
        let elsewhere = Folder::new(0o700);
        std::os::unix::fs::symlink(&elsewhere.0, &names).unwrap();
        assert!(run("refused folder", names.to_str().unwrap(), Some(&runtime.0)), "a link");
        std::fs::remove_file(&names).unwrap();
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir(&names).unwrap();
            std::fs::set_permissions(&names, std::fs::Permissions::from_mode(0o700)).unwrap();
            std::os::unix::fs::chown(&names, Some(65_534), Some(65_534)).unwrap();
            assert!(run("refused folder", names.to_str().unwrap(), Some(&runtime.0)), "another owner");
        }
    }

    #[test]
    fn what_is_no_socket_is_no_name() {
        let _alone = process::alone();
        // In the folder that this process itself uses.
        let name = process::unique_name("file");
        let owned = check_in(&name).unwrap();
        let user = rustix::process::geteuid().as_raw();
        let runtime = std::env::var("XDG_RUNTIME_DIR").unwrap_or_default();
        let candidates =
            [PathBuf::from(runtime).join("surfaceport"), format!("/tmp/surfaceport-{user}").into()];
        let folder = candidates.iter().find(|folder| folder.join(&name).exists()).unwrap();
        drop(owned);
        std::fs::write(folder.join(&name), b"a file").unwrap();
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
        std::fs::remove_file(folder.join(&name)).unwrap();
        std::os::unix::fs::symlink("/dev/log", folder.join(&name)).unwrap();
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
        // Whatever it is, an owner takes its place.
        let owned = check_in(&name).unwrap();
        look_up(&name, Timeout::NONE).unwrap().send(Message::new(1), SOON).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 1);
    }

    /// Role: becomes another user with the same runtime folder, and gets nowhere.
    #[allow(unsafe_code)]
    pub(super) fn nobody(name: &str) {
        // SAFETY: these calls change what the process may do and no memory; glibc applies them to all threads.
        let outcomes = unsafe {
            [
                libc::setgroups(0, std::ptr::null()),
                libc::setresgid(65_534, 65_534, 65_534),
                libc::setresuid(65_534, 65_534, 65_534),
            ]
        };
        assert_eq!(outcomes, [0; 3]);
        for timeout in [Timeout::NONE, BRIEFLY] {
            let error = look_up(name, timeout).unwrap_err();
            let refused = [Status::PermissionDenied, Status::NotFound, Status::TimedOut];
            assert!(refused.contains(&error.status()), "{error}");
        }
        // By the bare path of the owner's socket as little.
        let folder = std::env::var("SURFACEPORT_TEST_FOLDER").unwrap();
        let error = std::os::unix::net::UnixDatagram::unbound()
            .unwrap()
            .connect(Path::new(&folder).join(name))
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(std::fs::read_dir(&folder).is_err());
    }

    /// Role: owns a name while another user tries to get at it.
    pub(super) fn own_beside_nobody(_: &str) {
        let name = process::unique_name("private");
        let owned = check_in(&name).unwrap();
        assert!(Peer::start("nobody", &name).wait().success());
        assert_eq!(
            owned.receive(Timeout::NONE).unwrap_err().status(),
            Status::TimedOut,
            "nothing came through"
        );
        drop(owned);
    }

    #[test]
    fn other_users_are_kept_out() {
        if !rustix::process::geteuid().is_root() {
            // There is nobody else that this test could become.
            return;
        }
        let _alone = process::alone();
        // The runtime folder itself is open to all, so that only the folder of names keeps them out.
        let runtime = Folder::new(0o755);
        let mut command = process::command("own beside nobody", "");
        command.env("XDG_RUNTIME_DIR", &runtime.0);
        command.env("SURFACEPORT_TEST_FOLDER", runtime.0.join("surfaceport"));
        assert!(command.status().unwrap().success());
        command.env_remove("XDG_RUNTIME_DIR");
        command.env("SURFACEPORT_TEST_FOLDER", "/tmp/surfaceport-0");
        assert!(command.status().unwrap().success());
    }
}
