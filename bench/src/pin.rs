//! Which processor each process runs on.

use std::time::Duration;

use surfaceport::time;

/// The processors of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Pinning {
    pub(crate) host: usize,
    pub(crate) child: usize,
}

impl Pinning {
    pub(crate) const APART: Self = Self { host: 0, child: 1 };
    pub(crate) const TOGETHER: Self = Self { host: 0, child: 0 };

    /// Whether who waits has to let the other side run.
    pub(crate) fn is_shared(self) -> bool {
        self.host == self.child
    }
}

/// Has this process run on one processor, so that no round depends on where the scheduler puts it.
pub(crate) fn pin(processor: usize) -> anyhow::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(processor);
    rustix::thread::sched_setaffinity(None, &set)?;
    Ok(())
}

/// Looks until it is so. The other side runs meanwhile, also on the same processor.
pub(crate) fn look_until(shared: bool, mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        // No hint that this is a loop: on some processors that makes a look ten times as long.
        if shared {
            std::thread::yield_now();
        }
    }
}

/// Keeps the processor until a moment of the monotonic clock, or lets others have it if they share it.
pub(crate) fn pass_time_until(shared: bool, moment: i64) {
    let left = moment - time::now();
    if shared && left > 0 {
        std::thread::sleep(Duration::from_nanos(left as u64));
    }
    look_until(shared, || time::now() >= moment);
}
