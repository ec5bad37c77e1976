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
    ($($role:literal => $main:expr),* $(,)?) => {
        /// The door of the other processes; on its own it checks that the door works.
        #[test]
        fn peer() {
            let roles: &[(&str, fn(&str))] = &[$(($role, $main)),*];
            $crate::process::enter(roles);
        }
    };
}

/// The body of the test `peer`.
pub fn enter(roles: &[(&str, fn(&str))]) {
    match std::env::var(ROLE) {
        Ok(role) if role == "nothing" => {}
        Ok(role) => {
            let (_, main) =
                roles.iter().find(|(known, _)| *known == role).expect("a role of this test program");
            main(&std::env::var(ARGUMENT).unwrap_or_default());
        }
        Err(_) => {
            assert!(Peer::start("nothing", "").wait().success());
            assert!(!Peer::start("no such role", "").wait().success());
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
        Self(command(role, argument).spawn().expect("the test program starts again"))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn wait(mut self) -> ExitStatus {
        self.0.wait().expect("a process can be waited for")
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
