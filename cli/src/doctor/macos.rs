//! What macOS has to offer: ports, bootstrap names, children that inherit a port, memory entries, IOSurface, kqueues.

use std::time::Duration;

use surfaceport::layout::SurfaceDescriptor;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::pixel_format::PixelFormat;
use surfaceport::port::ReceiveRight;
use surfaceport::session::{Child, Host, SpawnOptions};
use surfaceport::surface::{LockMode, Surface};
use surfaceport::{Error, Status, Timeout, bootstrap};

use super::{Check, descriptors};
use crate::failure::{Exit, Failure, Result};

/// How long a child may take to say hello.
const PATIENCE: Duration = Duration::from_secs(10);
/// A frame of 3840 × 2160.
const LARGE: (u32, u32) = (3840, 2160);

/// The kernel's name and version.
pub(super) fn system() -> String {
    let names = rustix::system::uname();
    format!(
        "macOS ({} {}) on {}, pages of {} bytes",
        names.sysname().to_string_lossy(),
        names.release().to_string_lossy(),
        names.machine().to_string_lossy(),
        rustix::param::page_size()
    )
}

/// All that is looked at, in the order in which one would mend it.
pub(super) fn checks() -> Vec<Check> {
    vec![
        sandbox(std::env::var_os("APP_SANDBOX_CONTAINER_ID").is_some()),
        ports(),
        descriptors("/dev/fd"),
        waiting(),
        memory(),
        surfaces(),
        names(),
        inheritance(),
    ]
}

/// The other side of the check of inheritance: says hello to the host that started it, and ends when the host does.
pub(crate) fn probe() -> Result<Exit> {
    let failed = |error: Error| Failure::new("cannot reach the doctor", error, "run surfaceport doctor");
    let host = Child::connect(Timeout::after(PATIENCE)).map_err(failed)?;
    match host.wait_closed(Timeout::after(PATIENCE)) {
        Err(error) if error.status() == Status::TimedOut => Err(failed(error)),
        _ => Ok(Exit::Ok),
    }
}

fn sandbox(is_inside: bool) -> Check {
    if is_inside {
        Check::note(
            "sandbox",
            "this is an app sandbox: names need an application group or an entitlement, children inherit their port",
        )
    } else {
        Check::ok("sandbox", "none")
    }
}

fn ports() -> Check {
    let probe = || -> surfaceport::Result<()> {
        let receiver = ReceiveRight::new()?;
        let sent = receiver.make_send()?.send(Message::with_payload(7, [1, 2, 3])?, Timeout::NONE);
        sent.map_err(|error| error.error().clone())?;
        let message = receiver.receive(Timeout::NONE)?;
        match (message.id(), message.payload()) {
            (7, [1, 2, 3]) => Ok(()),
            _ => Err(Error::new(Status::System, "another message arrived than was sent")),
        }
    };
    match probe() {
        Ok(()) => Check::ok("ports", "a message goes through a Mach port"),
        Err(error) => Check::problem("ports", error.to_string(), "please report this with the lines above"),
    }
}

fn waiting() -> Check {
    match rustix::event::kqueue::kqueue() {
        Ok(_) => Check::ok("waiting", "a kqueue can be made"),
        Err(error) => Check::problem(
            "waiting",
            format!("kqueue fails ({error}): nothing can be waited for"),
            "close descriptors: the process or the system has too many",
        ),
    }
}

fn memory() -> Check {
    match MemoryRegion::create(1 << 20, Access::ReadOnlyForOthers) {
        Ok(_) => Check::ok("shared memory", "a read-only memory entry can be made"),
        Err(error) => Check::problem(
            "shared memory",
            format!("{error}: no swapchain can be made"),
            "free memory; if there is enough, please report this",
        ),
    }
}

fn surfaces() -> Check {
    let probe = || -> surfaceport::Result<usize> {
        let surface = Surface::create(&SurfaceDescriptor::new(LARGE.0, LARGE.1, PixelFormat::Bgra8))?;
        let pixels = surface.lock(LockMode::Write)?;
        pixels.plane(0)?.write_row(LARGE.1 - 1, &vec![0xFF; LARGE.0 as usize * 4])?;
        Ok(surface.allocation_size())
    };
    match probe() {
        Ok(bytes) => Check::ok(
            "surfaces",
            format!(
                "an IOSurface of {} × {} can be made and drawn to ({} KiB)",
                LARGE.0,
                LARGE.1,
                bytes >> 10
            ),
        ),
        Err(error) => Check::problem(
            "surfaces",
            format!("no IOSurface of {} × {}: {error}", LARGE.0, LARGE.1),
            "run it in a login session, or let the sandbox profile have IOSurfaceRootUserClient (iokit-open)",
        ),
    }
}

fn names() -> Check {
    let name = format!("org.surfaceport.doctor.{}", std::process::id());
    let probe = || -> surfaceport::Result<()> {
        let _owner = bootstrap::check_in(&name)?;
        bootstrap::look_up(&name, Timeout::NONE).map(drop)
    };
    match probe() {
        Ok(()) => Check::ok("bootstrap names", "a name can be checked in and looked up"),
        // The error says what helps.
        Err(error) => {
            Check::problem("bootstrap names", error.to_string(), "spawned children need no name; servers do")
        }
    }
}

fn inheritance() -> Check {
    const NAME: &str = "inherited ports";
    let probe = || -> std::result::Result<(), String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let host = Host::spawn(&SpawnOptions::new([program.into_os_string(), "probe".into()]))
            .map_err(|error| error.to_string())?;
        host.wait_connected(Timeout::after(PATIENCE)).map_err(|error| error.to_string())
    };
    match probe() {
        Ok(()) => Check::ok(NAME, "a spawned child finds its host by a registered port"),
        Err(error) => Check::problem(
            NAME,
            format!("a spawned child does not find its host: {error}"),
            "let the sandbox profile have process-exec of this program",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn this_system_has_what_the_tests_need() {
        for check in [ports(), waiting(), memory(), surfaces(), names()] {
            assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
        }
    }

    #[test]
    fn a_sandbox_is_no_problem_in_itself() {
        assert_eq!(sandbox(true).verdict, Verdict::Note);
        assert_eq!(sandbox(false).verdict, Verdict::Ok);
    }
}
