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
