//! The host's thread that takes frames from the swapchain. It waits for nothing but frames: what shows them
//! runs beside it, and sees the newest one only.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use surfaceport::surface::LockMode;
use surfaceport::swapchain::{Consumer, Frame};
use surfaceport::{Status, Timeout};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::memory::{self, Identity};
use crate::newest::Newest;
use crate::recorder::Recorder;
use crate::report::Latencies;
use crate::wire;

/// How often a host that waits for a frame looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long the child may take to stop when it is asked to.
const LAST_CALL: Duration = Duration::from_secs(1);

/// What the acquiring thread and the showing one have in common.
pub(crate) struct Shared {
    /// The newest frame, for the view.
    pub(crate) newest: Newest<Arc<Frame>>,
    /// Frames acquired so far.
    pub(crate) shown: AtomicU64,
    /// Whether the child was asked to stop.
    pub(crate) stopping: AtomicBool,
}

impl Shared {
    /// Nothing yet.
    pub(crate) fn new() -> Shared {
        Shared { newest: Newest::new(), shown: AtomicU64::new(0), stopping: AtomicBool::new(false) }
    }
}

/// What was taken.
pub(crate) struct Taken {
    /// From presented to acquired.
    pub(crate) latencies: Latencies,
    /// The last frame, still held.
    pub(crate) last: Option<Arc<Frame>>,
    /// The memory that each surface was read from, and how many frames were in it.
    memory: HashMap<u32, (Option<Identity>, u64)>,
}

impl Taken {
    /// Nothing yet.
    pub(crate) fn new() -> Taken {
        Taken { latencies: Latencies::new(), last: None, memory: HashMap::new() }
    }

    /// Bytes of pixels that were copied between child and host: none for frames that were read in the very
    /// memory that the child, by what it says in `drawn`, wrote, and `frame_bytes` for each other one. Nothing, if the
    /// system does not say of a frame which memory it was in.
    pub(crate) fn bytes_copied(&self, drawn: &[(u32, Identity)], frame_bytes: usize) -> Option<u64> {
        self.memory
            .iter()
            .map(|(id, (read, frames))| {
                let (_, written) = drawn.iter().find(|(drawn, _)| drawn == id)?;
                Some(if read.as_ref()? == written { 0 } else { frames * frame_bytes as u64 })
            })
            .sum()
    }

    /// Takes frames until no more come. Each goes to `recorder`, if there is one, and to the view, if it
    /// `wants` pictures.
    pub(crate) fn run(
        &mut self,
        consumer: &Consumer,
        shared: &Shared,
        wants: bool,
        mut recorder: Option<Recorder>,
    ) -> Result<()> {
        let mut stopping_since = None;
        let outcome = loop {
            match consumer.acquire(Timeout::after(LOOK)) {
                Ok(frame) => self.take(frame, shared, wants, recorder.as_mut())?,
                Err(error) if wire::is_gone(error.status()) => break Ok(()),
                Err(error) if error.status() == Status::TimedOut => {
                    if shared.stopping.load(Ordering::Relaxed) {
                        let since = *stopping_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > LAST_CALL {
                            break Ok(());
                        }
                    }
                }
                Err(error) => break Err(unusable(error)),
            }
        };
        // Also then the frames until there are kept.
        outcome.and(recorder.map_or(Ok(()), Recorder::finish))
    }

    fn take(
        &mut self,
        frame: Frame,
        shared: &Shared,
        wants: bool,
        recorder: Option<&mut Recorder>,
    ) -> Result<()> {
        let arrived = clock::monotonic_ns();
        self.latencies.add(u64::try_from(arrived - frame.info().presented_ns).unwrap_or(0));
        let surface = frame.surface();
        let place = self.memory.entry(surface.id()).or_insert_with(|| (memory::identity(surface), 0));
        place.1 += 1;
        if let Some(recorder) = recorder {
            let planes = surface.lock(LockMode::Read).map_err(unusable)?;
            recorder.write(frame_tags(&frame.info().present.user), &planes)?;
        }
        let frame = Arc::new(frame);
        if wants {
            shared.newest.put(frame.clone());
        }
        self.last = Some(frame);
        shared.shown.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The frame's own tags, out of the 64 bytes that went with it.
fn frame_tags(bytes: &[u8; 64]) -> &[u8] {
    bytes[1..].get(..usize::from(bytes[0])).unwrap_or(&[])
}

fn unusable(error: surfaceport::Error) -> Failure {
    Failure::new("the host cannot take a frame", error, "run surfaceport doctor")
}
