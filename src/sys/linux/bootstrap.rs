//! Bootstrap names on Linux: listening sockets in a folder that only their user can enter.
//!
//! `$XDG_RUNTIME_DIR/surfaceport`, or `/tmp/surfaceport-<uid>` where that variable names no folder of this user;
//! mode 0700, checked. A name `N` is the socket `N` and the lock file `N~lock`: who holds the lock owns the name,
//! and the kernel drops the lock of a process that dies. Names cannot contain `~`. Nothing is in the abstract namespace, where any user
//! could take a name.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, inotify};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use super::port::{Identity, ReceiveRight, SendRight, ask_for_identity};

use crate::error::{Error, Result, Status};
use crate::sys::posix::{beyond_standard, made, system_error, wait_readable};
use crate::time::Deadline;

/// How many look-ups may wait until the owner of a name takes them in.
const BACKLOG: i32 = 128;

fn folder_path() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    // Another user's, as `su` leaves it in the environment, is not ours to make a folder in: it would shut its owner
    // out.
    let is_ours = |path: &PathBuf| rustix::fs::stat(path).is_ok_and(|status| status.st_uid == user);
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .filter(is_ours)
        .map(|path| path.join("surfaceport"))
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/surfaceport-{user}")))
}

/// Opens the folder of names, which is made if it is missing, and refuses one that others could write.
fn open_folder() -> Result<OwnedFd> {
    let path = folder_path();
    let failed = |errno| system_error(&format!("opening the folder of names {}", path.display()), errno);
    match rustix::fs::mkdir(&path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(failed(errno)),
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(&path, flags, Mode::empty()).and_then(beyond_standard).map_err(failed)?;
    let status = rustix::fs::fstat(&folder).map_err(failed)?;
    // A link at its place is not followed, and is as little to be trusted as another user's folder.
    if FileType::from_raw_mode(status.st_mode) != FileType::Directory
        || status.st_uid != rustix::process::geteuid().as_raw()
        || status.st_mode & 0o077 != 0
    {
        return Err(Error::new(
            Status::PermissionDenied,
            format!(
                "the folder of names {} is no folder, belongs to another user or lets others in: remove it, or \
                 set XDG_RUNTIME_DIR to a folder that is yours alone",
                path.display()
            ),
        ));
    }
    Ok(folder)
}

/// The address of a file in an open folder: short, whatever the folder's path and the name's length, which a
/// socket's address of 108 bytes could not hold.
fn address(fd: BorrowedFd<'_>, name: &str) -> Result<SocketAddrUnix> {
    SocketAddrUnix::new(format!("/proc/self/fd/{}{name}", fd.as_raw_fd()))
        .map_err(|errno| system_error("addressing a name", errno))
}

/// Not blocking, for the connect and the accept; what is sent and received never relies on that.
fn new_socket() -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    made("making a socket", rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None))
}

/// A name that this process owns.
#[derive(Debug)]
pub(super) struct Listener {
    socket: OwnedFd,
    folder: OwnedFd,
    name: String,
    /// Held while the name is ours.
    _lock: OwnedFd,
}

fn lock_file(name: &str) -> String {
    format!("{name}~lock")
}

/// Locks a name: whoever holds the answer owns it.
fn take_lock(folder: &OwnedFd, name: &str) -> Result<OwnedFd> {
    let failed = |errno| system_error("locking a name", errno);
    let file = lock_file(name);
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = made("locking a name", rustix::fs::openat(folder, &file, flags, Mode::RUSR | Mode::WUSR))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(Error::new(
                    Status::AlreadyExists,
                    format!("the name {name} has an owner; end that process or use another name"),
                ));
            }
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(failed(errno)),
        }
        // An owner who lets go removes the file. A lock on a removed one keeps nobody out: once more, then.
        let held = rustix::fs::fstat(&lock).map_err(failed)?;
        match rustix::fs::statat(folder, &file, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino) => return Ok(lock),
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
}

/// Takes a name. Errors: already exists; permission denied; what the system says.
pub(crate) fn check_in(name: &str) -> Result<ReceiveRight> {
    let folder = open_folder()?;
    let lock = take_lock(&folder, name)?;
    let socket = new_socket()?;
    // Before it listens: sockets that it accepts inherit this, and so the very first message has an identity.
    ask_for_identity(socket.as_fd(), Identity::ProcessHandle)?;
    // Bound under a name of its own and then renamed, so that whoever finds the name finds it listening. That
    // takes the place of a dead owner's socket as well. Short, since an address has room for little more than the
    // way to the folder; nobody else uses the number while the lock is held.
    let number = rustix::fs::fstat(&lock).map_err(|errno| system_error("locking a name", errno))?.st_ino;
    let temporary = format!("~{number:x}");
    let _ = rustix::fs::unlinkat(&folder, &temporary, AtFlags::empty());
    rustix::net::bind(&socket, &address(folder.as_fd(), &format!("/{temporary}"))?)
        .map_err(|errno| system_error("binding a name", errno))?;
    rustix::net::listen(&socket, BACKLOG).map_err(|errno| system_error("listening to a name", errno))?;
    rustix::fs::renameat(&folder, &temporary, &folder, name)
        .map_err(|errno| system_error("publishing a name", errno))?;
    ReceiveRight::with_listener(Listener { socket, folder, name: name.to_owned(), _lock: lock })
}

/// The maker's user must be ours: the folder's mode says so already, this is the second lock on the same door.
fn check_same_user(socket: BorrowedFd<'_>) -> Result<()> {
    // A peer in another user namespace, or a kernel that cannot say, is not known to be the same user.
    let same = matches!(sockopt::socket_peercred(socket), Ok(peer) if peer.uid == rustix::process::geteuid());
    if same {
        Ok(())
    } else {
        Err(Error::fixed(Status::PermissionDenied, "the other side of a name belongs to another user"))
    }
}

impl Listener {
    /// The next look-up's lane, if one waits. Another user's is dropped.
    pub(super) fn accept(&self) -> Result<Option<OwnedFd>> {
        match rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC).and_then(beyond_standard) {
            Ok(socket) => Ok(check_same_user(socket.as_fd()).is_ok().then_some(socket)),
            Err(Errno::INTR | Errno::AGAIN | Errno::CONNABORTED) => Ok(None),
            Err(errno) => Err(system_error("accepting a look-up", errno)),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Still under the lock, so it is our socket that goes, and then our lock.
        let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        let _ = rustix::fs::unlinkat(&self.folder, lock_file(&self.name), AtFlags::empty());
    }
}

/// What one attempt to connect to a name's owner gave.
enum Attempt {
    Connected(SendRight),
    /// Nobody owns it, or only the socket of a dead owner is there.
    Missing,
    /// Its owner lets the look-ups queue up.
    Busy,
}

/// Finds a name. Waits for it until the deadline.
///
/// Errors: not found, when the deadline is now; timed out; permission denied; resources exhausted.
pub(crate) fn look_up(name: &str, deadline: Deadline) -> Result<SendRight> {
    let folder = open_folder()?;
    match connect(&folder, name)? {
        Attempt::Connected(right) => return Ok(right),
        Attempt::Missing if deadline.is_over() => {
            return Err(Error::new(Status::NotFound, format!("nobody has checked in the name {name}")));
        }
        Attempt::Busy if deadline.is_over() => {
            let message = format!("the owner of the name {name} does not take in those who look it up");
            return Err(Error::new(Status::ResourceExhausted, message));
        }
        Attempt::Missing | Attempt::Busy => {}
    }
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let changes = made("watching for a name", inotify::init(flags))?;
    inotify::add_watch(
        &changes,
        format!("/proc/self/fd/{}", folder.as_raw_fd()),
        inotify::WatchFlags::MOVED_TO,
    )
    .map_err(|errno| system_error("watching for a name", errno))?;
    loop {
        // Looked for again behind the watch: what appears from here on is seen by it.
        let pause = match connect(&folder, name)? {
            Attempt::Connected(right) => return Ok(right),
            Attempt::Missing => deadline,
            // No event tells that a listener's queue has room again.
            Attempt::Busy => deadline.at_most(Duration::from_millis(5)),
        };
        if wait_readable(&[changes.as_fd()], pause)? == 0 && deadline.is_over() {
            return Err(Error::new(
                Status::TimedOut,
                format!("nobody answered to the name {name} in the given time"),
            ));
        }
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&changes, &mut buffer);
        while events.next().is_ok() {}
    }
}

fn connect(folder: &OwnedFd, name: &str) -> Result<Attempt> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(folder, name, flags, Mode::empty()).and_then(beyond_standard) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Attempt::Missing),
        Err(errno) => return Err(system_error("looking up a name", errno)),
    };
    let status = rustix::fs::fstat(&file).map_err(|errno| system_error("looking up a name", errno))?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Socket {
        return Ok(Attempt::Missing);
    }
    let socket = new_socket()?;
    match rustix::net::connect(&socket, &address(file.as_fd(), "")?) {
        Ok(()) => {
            check_same_user(socket.as_fd())?;
            SendRight::from_raw(socket).map(Attempt::Connected)
        }
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(Attempt::Missing),
        Err(Errno::AGAIN) => Ok(Attempt::Busy),
        Err(errno) => Err(system_error("looking up a name", errno)),
    }
}
