//! What Linux has to offer: sealed memory, descriptors, sockets, process handles, a folder for names.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::event::epoll;
use rustix::fs::{Access, MemfdFlags, SealFlags, access, fcntl_add_seals, ftruncate, memfd_create};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};
use rustix::process::{PidfdFlags, Resource, getpid, getrlimit, pidfd_open};

use super::{Check, descriptors};

/// The largest message that goes through a socket at once, with room to spare.
const MESSAGE: usize = 64 << 10;

/// The kernel's name and version.
pub(super) fn system() -> String {
    let names = rustix::system::uname();
    format!(
        "{} {} on {}, pages of {} bytes",
        names.sysname().to_string_lossy(),
        names.release().to_string_lossy(),
        names.machine().to_string_lossy(),
        rustix::param::page_size()
    )
}

/// All that is looked at, in the order in which one would mend it.
pub(super) fn checks() -> Vec<Check> {
    let user = rustix::process::geteuid().as_raw();
    let mut checks = vec![memory()];
    checks.extend(seals());
    checks.extend([
        memory_limits(),
        descriptors("/proc/self/fd"),
        process_folder(),
        sockets(),
        sender_handles(&rustix::system::uname().release().to_string_lossy()),
        process_handles(),
        waiting(),
        runtime_folder(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from), user),
        dma_buf(),
    ]);
    checks
}

fn sealable(flags: MemfdFlags) -> io::Result<OwnedFd> {
    let memory = memfd_create("surfaceport-doctor", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | flags)?;
    ftruncate(&memory, 4096)?;
    Ok(memory)
}

fn memory() -> Check {
    match sealable(MemfdFlags::empty()) {
        Ok(_) => Check::ok("shared memory", "memfd_create works and its memory can be sealed"),
        Err(error) => Check::problem(
            "shared memory",
            format!("memfd_create fails ({error}): no surface can be made"),
            "use Linux 3.17 or newer, and a container or sandbox that allows memfd_create",
        ),
    }
}

fn seals() -> Vec<Check> {
    let with_seal = |seal| sealable(MemfdFlags::empty()).and_then(|m| Ok(fcntl_add_seals(&m, seal)?));
    let needed = [
        ("seal: shrink", SealFlags::SHRINK, "a peer could cut off memory that is in use", "3.17"),
        ("seal: grow", SealFlags::GROW, "a peer could change the size of memory that is in use", "3.17"),
        ("seal: write", SealFlags::WRITE, "large messages cannot be frozen", "3.17"),
        ("seal: future write", SealFlags::FUTURE_WRITE, "memory cannot be shared read-only", "5.1"),
    ];
    let mut checks: Vec<Check> = needed
        .into_iter()
        .map(|(name, seal, loss, version)| match with_seal(seal) {
            Ok(()) => Check::ok(name, "works"),
            Err(error) => Check::problem(
                name,
                format!("the kernel refuses it ({error}): {loss}"),
                format!("use Linux {version} or newer"),
            ),
        })
        .collect();
    checks.push(match sealable(MemfdFlags::NOEXEC_SEAL) {
        Ok(_) => Check::ok("seal: not executable", "works"),
        Err(_) => Check::note(
            "seal: not executable",
            "the kernel (older than 6.3) does not know it; memory is shared without that seal",
        ),
    });
    checks
}

/// Limits that would end a process in the middle of making a surface.
fn memory_limits() -> Check {
    let limits = [("file size", Resource::Fsize, "-f"), ("address space", Resource::As, "-v")];
    let set = limits
        .into_iter()
        .find_map(|(name, resource, option)| getrlimit(resource).current.map(|bytes| (name, bytes, option)));
    match set {
        None => Check::ok("memory limits", "no limit on the size of a file or of the address space"),
        // Twenty images of 3840 × 2160.
        Some((name, bytes, option)) if bytes < 700 << 20 => Check::problem(
            "memory limits",
            format!("the {name} is limited to {} KiB: large surfaces cannot be made", bytes >> 10),
            format!("run ulimit {option} unlimited before the program"),
        ),
        Some((name, bytes, _)) => {
            Check::note("memory limits", format!("the {name} is limited to {} KiB", bytes >> 10))
        }
    }
}

fn process_folder() -> Check {
    match fs::read_link("/proc/self/exe") {
        Ok(_) => Check::ok("/proc", "is there"),
        Err(error) => Check::problem(
            "/proc",
            format!("cannot be read ({error}): names and children need it"),
            "mount it: mount -t proc proc /proc",
        ),
    }
}

fn sockets() -> Check {
    let probe = || -> io::Result<(usize, usize)> {
        let flags = SocketFlags::CLOEXEC;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        sockopt::set_socket_passcred(&other, true)?;
        rustix::net::send(&one, &vec![0; MESSAGE], rustix::net::SendFlags::DONTWAIT)?;
        let size = |fd: &OwnedFd| -> io::Result<(usize, usize)> {
            let fd = fd.as_fd();
            Ok((sockopt::socket_send_buffer_size(fd)?, sockopt::socket_recv_buffer_size(fd)?))
        };
        size(&one)
    };
    match probe() {
        Ok((send, receive)) => Check::ok(
            "sockets",
            format!(
                "messages with credentials work; buffers of {} and {} KiB to send and receive",
                send >> 10,
                receive >> 10
            ),
        ),
        Err(error) => Check::problem(
            "sockets",
            format!("a message of {} KiB between two ends of a pair fails ({error})", MESSAGE >> 10),
            "raise it: sysctl net.core.wmem_default=212992; or allow AF_UNIX sockets in the sandbox",
        ),
    }
}

/// `SO_PASSPIDFD` came with Linux 6.5.
fn sender_handles(release: &str) -> Check {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= (6, 5) {
        Check::ok("sender's process handle", "the kernel sends it with a message (SCM_PIDFD)")
    } else {
        Check::note(
            "sender's process handle",
            "the kernel (older than 6.5) does not send one; senders are known by process id and user",
        )
    }
}

fn process_handles() -> Check {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(_) => Check::ok("process handles", "pidfd_open works: the end of a child is noticed at once"),
        Err(error) => Check::problem(
            "process handles",
            format!("pidfd_open fails ({error}): the end of a child cannot be waited for"),
            "use Linux 5.3 or newer, and a container or sandbox that allows pidfd_open",
        ),
    }
}

fn waiting() -> Check {
    match epoll::create(epoll::CreateFlags::CLOEXEC) {
        Ok(_) => Check::ok("waiting", "epoll works"),
        Err(error) => Check::problem(
            "waiting",
            format!("epoll fails ({error}): nothing can be waited for"),
            "allow epoll_create1 in the container or sandbox",
        ),
    }
}

/// The folder of names: in the user's runtime folder, or in /tmp without one.
fn runtime_folder(runtime: Option<PathBuf>, user: u32) -> Check {
    const NAME: &str = "runtime folder";
    let usual = PathBuf::from(format!("/run/user/{user}"));
    let (folder, parent, why) = match runtime.filter(|path| path.is_absolute()) {
        Some(parent) => (parent.join("surfaceport"), parent, "XDG_RUNTIME_DIR"),
        None if fs::metadata(&usual).is_ok_and(|found| found.uid() == user) => {
            (usual.join("surfaceport"), usual, "without XDG_RUNTIME_DIR")
        }
        None => (
            PathBuf::from(format!("/tmp/surfaceport-{user}")),
            PathBuf::from("/tmp"),
            "XDG_RUNTIME_DIR names no folder",
        ),
    };
    let shown = folder.display();
    match fs::symlink_metadata(&folder) {
        Ok(found) if !found.is_dir() => Check::problem(
            NAME,
            format!("{shown} is not a folder: names cannot be checked in"),
            format!("remove {shown}"),
        ),
        Ok(found) if found.uid() != user => Check::problem(
            NAME,
            format!(
                "{shown} belongs to user {}, not to you ({user}): names cannot be checked in",
                found.uid()
            ),
            "set XDG_RUNTIME_DIR to a folder that is yours alone",
        ),
        Ok(found) if found.mode() & 0o077 != 0 => Check::problem(
            NAME,
            format!(
                "{shown} lets others in (mode {:04o}): names cannot be checked in",
                found.mode() & 0o7777
            ),
            format!("run chmod 700 {shown}"),
        ),
        Ok(_) => match access(&folder, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Check::ok(NAME, format!("{shown} ({why}) is yours alone")),
            Err(error) => unwritable(NAME, &folder, error.into()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match access(&parent, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => Check::ok(NAME, format!("{shown} ({why}) can be made")),
                Err(error) => unwritable(NAME, &parent, error.into()),
            }
        }
        Err(error) => unwritable(NAME, &folder, error),
    }
}

fn unwritable(name: &'static str, folder: &Path, error: io::Error) -> Check {
    Check::problem(
        name,
        format!("{} cannot be used ({error}): names cannot be checked in", folder.display()),
        "make it, or set XDG_RUNTIME_DIR to a folder that is yours alone",
    )
}

/// Nothing needs it; surfaces of a graphics processor would come from there.
fn dma_buf() -> Check {
    let user_memory = match access("/dev/udmabuf", Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => "/dev/udmabuf can be used",
        Err(rustix::io::Errno::NOENT) => "no /dev/udmabuf",
        Err(_) => "/dev/udmabuf is there but not for you",
    };
    let render = fs::read_dir("/dev/dri")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        .count();
    let processors = match render {
        0 => "no graphics processor".to_owned(),
        1 => "1 graphics processor".to_owned(),
        count => format!("{count} graphics processors"),
    };
    Check::note("dma-buf", format!("{user_memory}, {processors}; surfaces are made of ordinary memory"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn this_system_has_what_the_tests_need() {
        for check in [memory(), process_folder(), sockets(), process_handles(), waiting()] {
            assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
        }
    }

    #[test]
    fn the_runtime_folder_is_judged_as_the_library_judges_it() {
        let home = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().as_raw();
        let judge = |user| runtime_folder(Some(home.path().to_owned()), user);
        assert_eq!(judge(user).verdict, Verdict::Ok, "it can be made");
        let folder = home.path().join("surfaceport");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let open = judge(user);
        assert_eq!(open.verdict, Verdict::Problem);
        assert!(open.detail.contains("mode 0755") && open.remedy.unwrap().contains("chmod 700"));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(judge(user).verdict, Verdict::Ok);
        assert_eq!(judge(user + 1).verdict, Verdict::Problem);
        fs::remove_dir(&folder).unwrap();
        fs::write(&folder, "").unwrap();
        assert_eq!(judge(user).verdict, Verdict::Problem);
        let missing = runtime_folder(Some(home.path().join("missing")), user);
        assert_eq!(missing.verdict, Verdict::Problem);
        // A relative path is not one that the specification allows.
        assert!(runtime_folder(Some("here".into()), user).detail.contains("/tmp/surfaceport-"));
    }

    #[test]
    fn kernels_are_told_apart_by_their_version() {
        assert_eq!(sender_handles("6.1.0-18-amd64").verdict, Verdict::Note);
        assert_eq!(sender_handles("6.5.0").verdict, Verdict::Ok);
        assert_eq!(sender_handles("6.18.44").verdict, Verdict::Ok);
        assert_eq!(sender_handles("7.0-rc1").verdict, Verdict::Ok);
        assert_eq!(sender_handles("strange").verdict, Verdict::Note);
    }
}
