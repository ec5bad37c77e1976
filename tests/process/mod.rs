//! Real second processes for tests: each is the test program itself, started again in a role.
//!
//! A test file declares its roles once, by `peers! { "role" => function, ... }`, and starts one by
//! [`command`] or [`Peer::start`]. Nothing but the test program is needed, so a built one can be carried to
//! another machine.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::process::{Child, Command, ExitStatus, Stdio};

const ROLE: &str = "SURFACEPORT_TEST_ROLE";
const ARGUMENT: &str = "SURFACEPORT_TEST_ARGUMENT";

/// Declares the roles that this test program can be started in. A role's function takes the argument that it was
/// started with; its panic is the process's failure.
#[macro_export]
macro_rules! peers {
    ($($(#[$attribute:meta])* $role:literal => $main:expr),* $(,)?) => {
        /// The door of the other processes; on its own it checks that the door works.
        #[test]
        fn peer() {
            let roles: &[$crate::process::Role] = &[$($(#[$attribute])* ($role, $main)),*];
            $crate::process::enter(roles);
        }
    };
}

/// A role's name and its function, which takes the argument.
pub type Role = (&'static str, fn(&str));

/// The body of the test `peer`.
pub fn enter(roles: &[Role]) {
    match std::env::var(ROLE) {
        Ok(role) if role == "nothing" => {}
        Ok(role) => {
            let (_, main) =
                roles.iter().find(|(known, _)| *known == role).expect("a role of this test program");
            main(&std::env::var(ARGUMENT).unwrap_or_default());
        }
        Err(_) => {
            let _alone = alone();
            assert!(Peer::start("nothing", "").wait().success());
            // Its complaint is no part of this test's output.
            let refused = command("no such role", "").stderr(Stdio::null()).status();
            assert!(!refused.expect("the test program starts again").success());
        }
    }
}

/// The program and arguments that start this test program again; the role goes into the environment.
pub fn arguments() -> Vec<String> {
    let program = std::env::current_exe().expect("a test program has a path");
    let program = program.to_str().expect("a path in UTF-8").to_owned();
    [&program, "--exact", "peer", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec()
}

/// Entries for the environment of a process in a role.
pub fn environment(role: &str, argument: &str) -> [(String, String); 2] {
    [(ROLE.to_owned(), role.to_owned()), (ARGUMENT.to_owned(), argument.to_owned())]
}

/// A command for this test program in a role.
pub fn command(role: &str, argument: &str) -> Command {
    let arguments = arguments();
    let mut command = Command::new(&arguments[0]);
    command
        .args(&arguments[1..])
        .envs(environment(role, argument))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// A running process in a role, killed and reaped at the end of the test.
pub struct Peer(Child);

impl Peer {
    pub fn start(role: &str, argument: &str) -> Self {
        Self::start_command(&mut command(role, argument))
    }

    pub fn start_command(command: &mut Command) -> Self {
        Self(command.spawn().expect("the test program starts again"))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn wait(mut self) -> ExitStatus {
        self.0.wait().expect("a process can be waited for")
    }

    /// Stops the process: it lives, and does nothing more until it is killed.
    #[cfg(target_os = "linux")]
    pub fn stop(&self) {
        let id =
            i32::try_from(self.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process number");
        rustix::process::kill_process(id, rustix::process::Signal::STOP).expect("a process can be stopped");
        // The signal takes its time: what follows is to find it stopped.
        let options = rustix::process::WaitOptions::UNTRACED;
        let (_, status) = rustix::process::waitpid(Some(id), options).unwrap().expect("a stopped process");
        assert!(status.stopped());
    }

    pub fn kill(&mut self) {
        self.0.kill().expect("a process can be killed");
        self.0.wait().expect("a process can be waited for");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bootstrap name that no other test uses.
pub fn unique_name(of: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("org.surfaceport.test.{of}.{}.{number}", std::process::id())
}

/// One test of this program at a time: for those that count what the process has open, and for all that run beside
/// them.
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    // A test that failed has left nothing half-done here.
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs `body` alone, and checks that it leaves no descriptor and no mapping.
#[cfg(target_os = "linux")]
pub fn leaving_nothing(body: impl FnOnce()) {
    let _alone = alone();
    let before = (open_descriptors(), shared_mappings());
    body();
    assert_eq!((open_descriptors(), shared_mappings()), before, "descriptors and mappings that are left");
}

/// The number of open descriptors of this process.
#[cfg(target_os = "linux")]
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("a list of descriptors").count()
}

/// The number of mappings of this process that belong to the library's memory.
#[cfg(target_os = "linux")]
pub fn shared_mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("a list of mappings");
    maps.lines().filter(|line| line.contains("memfd:surfaceport")).count()
}

/// As [`open_descriptors`], for when there is none left to list them by.
#[cfg(target_os = "linux")]
pub fn open_descriptors_without_looking() -> usize {
    (0..4096).filter(|fd| std::fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok()).count()
}

/// The memory of this process that is in use, in bytes.
#[cfg(target_os = "linux")]
pub fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the sizes of this process");
    let pages: usize =
        statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * rustix::param::page_size()
}
