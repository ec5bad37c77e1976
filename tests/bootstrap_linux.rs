//! Bootstrap names on Linux: sockets in a folder that is the user's alone.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod process;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use process::Peer;
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::Message;
use surfaceport::{Status, Timeout};

peers! {
    "nobody" => nobody,
    "own beside nobody" => own_beside_nobody,
    "check the folder" => check_the_folder,
    "refused folder" => refused_folder,
    "names in the folder" => names_in_the_folder,
    "own until told" => own_until_told,
    "look up" => look_up_by_role,
    "look up within a second" => look_up_within_a_second,
    "own and die" => own_and_die,
    "owner that waits" => owner_that_waits,
    "owner that looks too late" => owner_that_looks_too_late,
    "no watches left" => no_watches_left,
    "no /proc" => no_proc,
}

const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);
const BRIEFLY: Timeout = Timeout::from_nanoseconds(20_000_000);

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
fn check_the_folder(folder: &str) {
    let name = process::unique_name("place");
    let folder = Path::new(folder);
    let _owned = check_in(&name).unwrap();
    let status = std::fs::metadata(folder).unwrap();
    assert_eq!(status.mode() & 0o7777, 0o700);
    assert_eq!(status.uid(), rustix::process::geteuid().as_raw());
    assert!(folder.join(&name).exists());
    look_up(&name, Timeout::NONE).unwrap();
    process::companion::own_the_longest_name();
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
fn refused_folder(folder: &str) {
    let name = process::unique_name("refused");
    for error in [check_in(&name).unwrap_err(), look_up(&name, Timeout::NONE).unwrap_err()] {
        assert_eq!(error.status(), Status::PermissionDenied, "{error}");
        assert!(error.message().contains(folder) && error.message().contains("XDG_RUNTIME_DIR"), "{error}");
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
    let candidates = [PathBuf::from(runtime).join("surfaceport"), format!("/tmp/surfaceport-{user}").into()];
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
fn nobody(name: &str) {
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
fn own_beside_nobody(_: &str) {
    let name = process::unique_name("private");
    let owned = check_in(&name).unwrap();
    assert!(Peer::start("nobody", &name).wait().success());
    assert_eq!(owned.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "nothing came through");
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

fn peer_in(folder: Option<&Path>, role: &str, argument: &str) -> Peer {
    let mut command = process::command(role, argument);
    match folder {
        Some(path) => command.env("XDG_RUNTIME_DIR", path),
        None => command.env_remove("XDG_RUNTIME_DIR"),
    };
    Peer::start_command(&mut command)
}

/// Removes what a cleaner would, in all folders of this process.
fn clean(name: &str, socket: bool, lock: bool) {
    let user = rustix::process::geteuid().as_raw();
    let runtime = std::env::var("XDG_RUNTIME_DIR").unwrap();
    for folder in [Path::new(&runtime).join("surfaceport"), format!("/tmp/surfaceport-{user}").into()] {
        if socket {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        if lock {
            std::fs::remove_file(folder.join(format!("{name}~lock"))).unwrap();
        }
    }
}

/// Files of a name that are left in a folder of the test's own, and in the one of all.
fn left(folder: &Path, name: &str) -> Vec<String> {
    let user = rustix::process::geteuid().as_raw();
    let folders = [folder.join("surfaceport"), format!("/tmp/surfaceport-{user}").into()];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let names = entries.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned());
    names.filter(|path| path.contains(name)).collect()
}

#[test]
fn a_name_survives_the_cleaner_of_its_folder() {
    let _alone = process::alone();
    let runtime = Folder::new(0o700);
    assert!(run("names in the folder", runtime.0.to_str().unwrap(), Some(&runtime.0)));
}

/// Role: an owner that does nothing while its files are removed, each way there is.
fn names_in_the_folder(runtime: &str) {
    for (socket, lock) in [(false, true), (true, false), (true, true)] {
        let name = process::unique_name("cleaned");
        let owned = check_in(&name).unwrap();
        for _ in 0..3 {
            clean(&name, socket, lock);
            // In this process, and in another one, which is asked second: the first has the owner make them again.
            assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
            assert!(peer_in(Some(Path::new(runtime)), "look up", &name).wait().success());
            assert_eq!(owned.receive(SOON).unwrap().id(), 7);
            assert_eq!(left(Path::new(runtime), &name).len(), 4, "socket and lock, twice");
        }
        drop(owned);
        let left = left(Path::new(runtime), &name);
        assert!(left.is_empty(), "{left:?}");
        drop(check_in(&name).unwrap());
    }
}

/// Role: sends to a name that there is.
fn look_up_by_role(name: &str) {
    look_up(name, Timeout::NONE).unwrap().send(Message::new(7), SOON).unwrap();
}

/// Role: the same, for a name that appears again.
fn look_up_within_a_second(name: &str) {
    look_up(name, SOON).unwrap().send(Message::new(7), SOON).unwrap();
}

/// Role: takes as many messages as the argument says, after the name.
fn owner_that_waits(argument: &str) {
    let (name, count) = argument.split_once(' ').unwrap();
    let owned = check_in(name).unwrap();
    for _ in 0..count.parse().unwrap() {
        assert_eq!(owned.receive(Timeout::FOREVER).unwrap().id(), 7);
    }
}

/// An owner that waits for messages sees what is removed, and makes it again without being asked.
#[test]
fn an_owner_that_waits_makes_its_files_again() {
    let _alone = process::alone();
    let runtime = Folder::new(0o700);
    for (socket, lock) in [(false, true), (true, false), (true, true)] {
        let name = process::unique_name("waiting");
        let owner = peer_in(Some(&runtime.0), "owner that waits", &format!("{name} 3"));
        for _ in 0..3 {
            assert!(peer_in(Some(&runtime.0), "look up within a second", &name).wait().success());
            for file in left(&runtime.0, &name) {
                if if file.ends_with("~lock") { lock } else { socket } {
                    let _ = std::fs::remove_file(file);
                }
            }
        }
        assert!(owner.wait().success());
        let left = left(&runtime.0, &name);
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Role: does nothing until it is told to, by its standard input; then another process has the name.
fn owner_that_looks_too_late(name: &str) {
    let owned = check_in(name).unwrap();
    let beside = check_in(&format!("{name}.beside")).unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    // What was sent before arrives, also from those whom nobody had taken in.
    assert_eq!(owned.receive(SOON).unwrap().id(), 7);
    assert_eq!(owned.receive(SOON).unwrap_err().status(), Status::NoSenders);
    assert!(!owned.has_senders().unwrap() && beside.has_senders().unwrap());
    drop(owned);
}

#[test]
fn a_name_is_never_had_by_two() {
    let _alone = process::alone();
    let name = process::unique_name("late");
    let mut command = process::command("owner that looks too late", &name);
    let mut owner = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    // Both names are there; nobody takes this one in.
    look_up(&format!("{name}.beside"), SOON).unwrap();
    look_up(&name, SOON).unwrap().send(Message::new(7), SOON).unwrap();
    let user = rustix::process::geteuid().as_raw();
    let runtime = std::env::var("XDG_RUNTIME_DIR").unwrap_or_default();
    let folders =
        [PathBuf::from(runtime), format!("/run/user/{user}").into()].map(|path| path.join("surfaceport"));
    for folder in folders.iter().chain([&format!("/tmp/surfaceport-{user}").into()]) {
        for file in [name.clone(), format!("{name}~lock")] {
            let _ = std::fs::remove_file(folder.join(file));
        }
    }
    let owned = check_in(&name).unwrap();
    drop(owner.stdin.take());
    assert!(owner.wait().unwrap().success());
    // The end of the former owner's right took nothing away.
    look_up(&name, Timeout::NONE).unwrap().send(Message::new(8), SOON).unwrap();
    assert_eq!(owned.receive(SOON).unwrap().id(), 8);
    assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
}

#[test]
fn a_folder_that_is_removed_is_made_again() {
    let _alone = process::alone();
    let runtime = Folder::new(0o700);
    let name = process::unique_name("removed");
    let owner = peer_in(Some(&runtime.0), "owner that waits", &format!("{name} 2"));
    assert!(peer_in(Some(&runtime.0), "look up within a second", &name).wait().success());
    // Moved first: the owner is as fast as this process is.
    std::fs::rename(runtime.0.join("surfaceport"), runtime.0.join("removed")).unwrap();
    std::fs::remove_dir_all(runtime.0.join("removed")).unwrap();
    assert!(peer_in(Some(&runtime.0), "look up within a second", &name).wait().success());
    assert!(owner.wait().success());
}

/// Role: owns a name, and ends without letting go of it.
fn own_and_die(name: &str) {
    std::mem::forget(check_in(name).unwrap());
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
}

#[test]
fn what_a_killed_owner_leaves_is_removed_by_who_meets_it() {
    let _alone = process::alone();
    let runtime = Folder::new(0o700);
    let name = process::unique_name("killed");
    assert!(!peer_in(Some(&runtime.0), "own and die", &name).wait().success());
    assert_eq!(left(&runtime.0, &name).len(), 4);
    // The look-up finds nothing, and leaves nothing.
    assert!(!peer_in(Some(&runtime.0), "look up", &name).wait().success());
    let files = left(&runtime.0, &name);
    assert!(files.is_empty(), "{files:?}");
}

/// Role: owns a name until a message comes.
fn own_until_told(name: &str) {
    owner_that_waits(&format!("{name} 1"));
}

#[test]
fn processes_with_other_environments_find_a_name() {
    let _alone = process::alone();
    let (runtime, other) = (Folder::new(0o700), Folder::new(0o700));
    let places = [Some(&*runtime.0), Some(&*other.0), None];
    for owner in places {
        for client in places {
            let name = process::unique_name("environments");
            let owning = peer_in(owner, "own until told", &name);
            assert!(
                peer_in(client, "look up within a second", &name).wait().success(),
                "{owner:?} {client:?}"
            );
            assert!(owning.wait().success());
        }
    }
    // And nobody has it twice.
    let name = process::unique_name("once");
    let owning = peer_in(Some(&runtime.0), "own until told", &name);
    let found = look_up(&name, SOON).unwrap();
    assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
    assert!(!peer_in(Some(&other.0), "own until told", &name).wait().success());
    found.send(Message::new(7), SOON).unwrap();
    assert!(owning.wait().success());
}

#[test]
fn errors_name_the_folders_that_were_searched() {
    let _alone = process::alone();
    let user = rustix::process::geteuid().as_raw();
    let name = process::unique_name("nowhere");
    for (timeout, status) in [(Timeout::NONE, Status::NotFound), (BRIEFLY, Status::TimedOut)] {
        let error = look_up(&name, timeout).unwrap_err();
        assert_eq!(error.status(), status);
        assert!(error.message().contains(&format!("/tmp/surfaceport-{user}")), "{error}");
    }
}

/// Role: uses up what this user has of watches, and waits for a name all the same.
fn no_watches_left(name: &str) {
    use rustix::fs::inotify::{CreateFlags, init};
    let mut used = Vec::new();
    while let Ok(instance) = init(CreateFlags::CLOEXEC) {
        used.push(instance);
        assert!(used.len() < 100_000, "there is no limit");
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(name, SOON).unwrap().send(Message::new(7), SOON));
        let owned = check_in(name).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 7);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(look_up("org.surfaceport.test.nobody", BRIEFLY).unwrap_err().status(), Status::TimedOut);
}

#[test]
fn a_look_up_waits_without_a_watch() {
    let _alone = process::alone();
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").unwrap();
    if limit.trim().parse().unwrap_or(u64::MAX) > 1000 {
        return process::skipped("a_look_up_waits_without_a_watch", "this user may have too many watches");
    }
    assert!(run("no watches left", &process::unique_name("unwatched"), None));
}

/// Other PID namespaces have no number for a process that is outside, and another one for one that is inside.
#[test]
fn clients_in_other_pid_namespaces_are_let_in() {
    let test = "clients_in_other_pid_namespaces_are_let_in";
    let _alone = process::alone();
    let unshared = |role: &str, argument: &str| {
        let plain = process::command(role, argument);
        let mut command = std::process::Command::new("unshare");
        command.args(["--pid", "--fork"]).arg(plain.get_program()).args(plain.get_args());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command
    };
    let can = std::process::Command::new("unshare").args(["--pid", "--fork", "true"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        return process::skipped(test, "this user may not make PID namespaces");
    }
    let name = process::unique_name("inside");
    let owned = check_in(&name).unwrap();
    assert!(unshared("look up", &name).status().unwrap().success());
    assert_eq!(owned.receive(SOON).unwrap().id(), 7);
    drop(owned);
    // The other way round: the owner is inside.
    let owner = Peer::start_command(&mut unshared("own until told", &name));
    look_up(&name, SOON).unwrap().send(Message::new(7), SOON).unwrap();
    assert!(owner.wait().success());
}

/// Role: in a mount namespace where `/proc` is empty.
fn no_proc(folder: &str) {
    assert!(!Path::new("/proc/self").exists());
    let name = process::unique_name("plain");
    let owned = check_in(&name).unwrap();
    look_up(&name, SOON).unwrap().send(Message::new(1), SOON).unwrap();
    assert_eq!(owned.receive(SOON).unwrap().id(), 1);
    assert_eq!(look_up("org.surfaceport.test.nobody", BRIEFLY).unwrap_err().status(), Status::TimedOut);
    // SAFETY: there is one thread that uses the environment: this one.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("XDG_RUNTIME_DIR", folder);
    }
    let error = check_in(&process::unique_name("long")).unwrap_err();
    assert_eq!(error.status(), Status::Unsupported, "{error}");
    assert!(error.message().contains("/proc") && error.message().contains(folder), "{error}");
}

#[test]
fn names_need_no_proc_unless_their_folder_has_a_long_path() {
    let test = "names_need_no_proc_unless_their_folder_has_a_long_path";
    let _alone = process::alone();
    let root = Folder::new(0o700);
    let long = root.0.join("d".repeat(100));
    std::fs::create_dir(&long).unwrap();
    let script = "mount -t tmpfs none /proc && exec \"$@\"";
    let unshare = |script: &str, program: &std::ffi::OsStr| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(program);
        command
    };
    if !unshare(script, "true".as_ref()).output().is_ok_and(|output| output.status.success()) {
        return process::skipped(test, "this user may not make mount namespaces");
    }
    let plain = process::command("no /proc", long.to_str().unwrap());
    let mut command = unshare(script, plain.get_program());
    command.args(plain.get_args()).env_remove("XDG_RUNTIME_DIR");
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(command.stdout(std::process::Stdio::null()).status().unwrap().success());
}
