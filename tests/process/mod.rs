//! Real second processes for tests: each is the test program itself, started again in a role.
//!
//! A test file declares its roles once, by `peers! { "role" => function, ... }`, and starts one by
//! [`command`] or [`Peer::start`]. Nothing but the test program is needed, so a built one can be carried to
//! another machine.
#![allow(dead_code, unused_imports, missing_docs, unreachable_pub)]

use std::process::{Child, Command, ExitStatus, Stdio};

pub mod channel;
pub mod companion;
mod faults;
mod files;
pub mod full;
mod held;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "macos")]
pub mod mach;
pub mod plain;
pub mod session;
pub mod swapchain;

pub use faults::minor_faults;
pub use files::files_can_travel;
pub use held::*;
#[cfg(target_os = "linux")]
pub use limits::*;

const ROLE: &str = "SURFACEPORT_TEST_ROLE";
const ROLE_TEXT: &std::ffi::CStr = c"SURFACEPORT_TEST_ROLE";
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

/// A role writes nothing to standard output: the test runner in it would, among what the tests' own runner says. Done
/// before the runner begins; a child of a session is started by the library, which leaves its output as it is.
#[allow(unsafe_code)]
mod quiet {
    #[used]
    #[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
    #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
    static AT_START: extern "C" fn() = at_start;

    extern "C" fn at_start() {
        // SAFETY: only calls that need nothing to be set up yet; the name and the path are texts that end in zero.
        unsafe {
            if !libc::getenv(super::ROLE_TEXT.as_ptr()).is_null() {
                let null = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY);
                libc::dup2(null, libc::STDOUT_FILENO);
                libc::close(null);
            }
        }
    }
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
    pub fn stop(&self) {
        let id =
            i32::try_from(self.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process number");
        rustix::process::kill_process(id, rustix::process::Signal::STOP).expect("a process can be stopped");
        // The signal takes its time: what follows is to find it stopped.
        let options = rustix::process::WaitOptions::UNTRACED;
        let (_, status) = rustix::process::waitpid(Some(id), options).unwrap().expect("a stopped process");
        assert!(!status.exited() && !status.signaled());
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

/// A test that cannot run here: it fails where nothing may be skipped, else the list of what was skipped has it.
pub fn skipped(test: &str, reason: &str) {
    assert!(std::env::var_os("SURFACEPORT_NO_SKIP").is_none(), "{test} cannot run here: {reason}");
    let Some(log) = std::env::var_os("SURFACEPORT_SKIP_LOG") else { return };
    let mut log =
        std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a list of what was skipped");
    std::io::Write::write_all(&mut log, format!("{test}: {reason}\n").as_bytes())
        .expect("room for one more line");
}

/// Allows as many descriptors as the system lets us have, up to 4096: macOS gives 256 unless asked.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(4096, |maximum| maximum.min(4096));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).expect("a higher limit");
    }
}
