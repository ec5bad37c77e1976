//! GStreamer's `shmsink` and `shmsrc`, by `gst-launch-1.0`, if they are installed.
//!
//! Frames of such a pipeline carry no stamp, so there is no latency of them; the processor's time can be measured. A run
//! with few frames is taken from one with more, which leaves out the start of the programs; and the same of a pipeline
//! that hands nothing over, which leaves out the drawing, and the timer with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::pin::{Pinning, pin};

pub(super) const NAME: &str = "GStreamer shmsink and shmsrc";
/// Frames of the run that is taken away.
const FEW: usize = 30;
const FORMAT: &str = "video/x-raw,format=BGRA,width=1920,height=1080,framerate=60/1";
/// Everything that is waited for comes before this, in steps of [`STEP`].
const STEPS: u32 = 6000;
const STEP: Duration = Duration::from_millis(10);

/// Whether the elements are there.
pub(super) fn is_installed() -> bool {
    let has = |element: &&str| {
        let mut command = Command::new("gst-inspect-1.0");
        command.arg(element).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    ["shmsink", "shmsrc", "videotestsrc"].iter().all(has)
}

/// What a report of latencies says of it.
pub(super) fn note() -> &'static str {
    if is_installed() {
        "GStreamer's shmsink and shmsrc are not in this table: frames of gst-launch carry no stamp."
    } else {
        "GStreamer's shmsink and shmsrc are not installed here, so they are not measured."
    }
}

/// Nanoseconds of processor that both processes take to hand over so many frames.
pub(super) fn hand_over(frames: usize, pinning: Pinning) -> Result<f64> {
    let with = pipeline(frames + FEW, pinning)? - pipeline(FEW, pinning)?;
    let without = drawing(frames + FEW, pinning)? - drawing(FEW, pinning)?;
    Ok((with - without).max(0.0))
}

fn launch(words: &str, pinning: Pinning, processor: usize) -> Result<Child> {
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(words.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It has the processor of who starts it.
    pin(processor)?;
    let child = command.spawn();
    pin(pinning.host)?;
    Ok(child?)
}

/// One process draws and hands over, the other one takes.
fn pipeline(frames: usize, pinning: Pinning) -> Result<f64> {
    let before = time_of_children()?;
    let socket = Socket::new();
    let path = socket.0.display();
    let sink = format!("shmsink socket-path={path} shm-size=67108864 wait-for-connection=true sync=true");
    let source = format!("videotestsrc is-live=true pattern=black ! {FORMAT} ! {sink}");
    let mut sender = launch(&source, pinning, pinning.child)?;
    let receive =
        format!("shmsrc socket-path={path} is-live=true num-buffers={frames} ! fakesink sync=false");
    let ended = wait_for(&socket.0).and_then(|()| {
        let mut receiver = launch(&receive, pinning, pinning.host)?;
        end(&mut receiver, false)
    });
    end(&mut sender, true)?;
    ended?;
    Ok(time_of_children()? - before)
}

/// The same without a second process.
fn drawing(frames: usize, pinning: Pinning) -> Result<f64> {
    let before = time_of_children()?;
    let source = format!("videotestsrc is-live=true pattern=black num-buffers={frames} ! {FORMAT}");
    end(&mut launch(&format!("{source} ! fakesink sync=true"), pinning, pinning.child)?, false)?;
    Ok(time_of_children()? - before)
}

struct Socket(PathBuf);

impl Socket {
    fn new() -> Self {
        let name = format!("surfaceport-bench-{}-{}", std::process::id(), surfaceport::time::now());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn wait_for(path: &Path) -> Result<()> {
    for _ in 0..STEPS {
        if path.exists() {
            return Ok(());
        }
        std::thread::sleep(STEP);
    }
    bail!("shmsink made no socket")
}

/// Waits for the end, or makes it.
fn end(child: &mut Child, at_once: bool) -> Result<()> {
    for _ in 0..STEPS {
        if at_once {
            break;
        }
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(STEP);
    }
    child.kill()?;
    child.wait()?;
    if at_once { Ok(()) } else { bail!("gst-launch-1.0 did not end") }
}

/// Of all children that have ended and were waited for, in nanoseconds.
fn time_of_children() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, behind_name) = text.rsplit_once(") ").context("the name of this program")?;
    let ticks: u64 = behind_name.split(' ').skip(13).take(2).map(|ticks| ticks.parse().unwrap_or(0)).sum();
    Ok(ticks as f64 * 1e9 / rustix::param::clock_ticks_per_second() as f64)
}
