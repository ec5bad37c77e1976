//! A Debian 13 with a Swift compiler, in a folder: Debian 12 has none.
//!
//! It is made once, by debootstrap, and kept in the target folder. `SURFACEPORT_SWIFT_ROOT` names another one.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::Command;
use crate::project::Project;

/// The folder with the system.
pub(crate) struct SwiftRoot {
    folder: PathBuf,
    /// Whether commands in it need `sudo`.
    sudo: bool,
}

/// The system, or why it cannot be made here.
pub(crate) fn find(project: &Project) -> Result<Result<SwiftRoot, String>> {
    if cfg!(not(target_os = "linux")) {
        return Ok(Err("Swift is tested in a Debian root, on Linux".into()));
    }
    let sudo = !rustix::process::geteuid().is_root();
    if sudo && !project.command("sudo", ["--non-interactive", "true"]).exists() {
        return Ok(Err("a Debian 13 root for Swift needs root, or sudo without a password".into()));
    }
    let folder = env::var_os("SURFACEPORT_SWIFT_ROOT")
        .map_or_else(|| project.target.join("swift").join("root"), PathBuf::from);
    let root = SwiftRoot { folder, sudo };
    if !root.as_root(project, "unshare", ["--mount", "true"]).exists() {
        return Ok(Err("this system does not allow to mount folders, which a Debian 13 root needs".into()));
    }
    if !root.folder.join(".complete").exists() {
        if !project.command("sh", ["-c", "PATH=$PATH:/usr/sbin command -v debootstrap"]).exists() {
            return Ok(Err("there is no debootstrap here, which makes a Debian 13 root for Swift".into()));
        }
        println!("making a Debian 13 with Swift in {}: some minutes, 3 GiB", root.folder.display());
        let script = project.path("xtask/swift/make-root.sh");
        root.as_root(project, "env", ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
            .arg(script)
            .arg(&root.folder)
            .run()?;
    }
    Ok(Ok(root))
}

impl SwiftRoot {
    /// Its folder as the system outside sees it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command in it, with the project and its target folder under the same paths, that works in `dir`.
    pub(crate) fn command<const N: usize>(
        &self,
        project: &Project,
        dir: &Path,
        program: &str,
        arguments: [&str; N],
    ) -> Command {
        let user = format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let script = project.path("xtask/swift/in-root.sh");
        let mut command = self.as_root(project, &script.to_string_lossy(), [user.as_str()]);
        command = command.arg(&self.folder).arg(dir).arg(&project.root).arg(&project.target).arg("--");
        command = command.arg(program);
        for argument in arguments {
            command = command.arg(argument);
        }
        command
    }

    fn as_root<const N: usize>(&self, project: &Project, program: &str, arguments: [&str; N]) -> Command {
        let mut command = if self.sudo {
            project.command("sudo", ["--non-interactive", program])
        } else {
            project.command(program, [""; 0])
        };
        for argument in arguments {
            command = command.arg(argument);
        }
        command
    }
}
