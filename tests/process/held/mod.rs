//! What this process has of the system's: counted before and behind a body that is to leave nothing.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

pub use system::*;

/// All of it, and the surfaces that are alive. On Linux descriptors and the mappings of the library's memory; on macOS descriptors and the names of
/// the task's rights, each with its kind and its references. macOS does not say which mappings are the library's:
/// what is mapped there is watched by [`mapped_bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub descriptors: usize,
    pub shared_mappings: usize,
    pub surfaces: usize,
    pub rights: Vec<PortRight>,
}

/// A kind of right that a name of this task stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRight {
    pub name: u32,
    pub kind: &'static str,
    pub references: u32,
}

impl std::fmt::Debug for PortRight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x} {} × {}", self.name, self.kind, self.references)
    }
}

/// What there is now.
pub fn held() -> Held {
    Held {
        descriptors: open_descriptors(),
        shared_mappings: shared_mappings(),
        surfaces: surfaceport::surface::live_surfaces().count,
        rights: port_rights(),
    }
}

impl Held {
    /// What is more and what is less now, if anything is.
    fn difference(&self) -> Option<String> {
        let now = held();
        let only = |of: &Self, other: &Self| -> Vec<PortRight> {
            of.rights.iter().filter(|right| !other.rights.contains(right)).copied().collect()
        };
        (now != *self).then(|| {
            format!(
                "descriptors, mappings, surfaces: {:?} and then {:?}; rights that are left: {:?}; rights that are \
                 gone: {:?}",
                (self.descriptors, self.shared_mappings, self.surfaces),
                (now.descriptors, now.shared_mappings, now.surfaces),
                only(&now, self),
                only(self, &now),
            )
        })
    }

    /// Fails unless there is just that again.
    #[track_caller]
    pub fn is_all(&self, when: &str) {
        if let Some(difference) = settled(|| self.difference()) {
            panic!("{when}: {difference}");
        }
    }
}

/// The difference that stays. A kernel may take back what an ended thread or a killed process had a little behind
/// the moment in which its end is known, without a word when it is done: Mach does.
fn settled(difference: impl Fn() -> Option<String>) -> Option<String> {
    let deadline = std::time::Instant::now() + SETTLING;
    loop {
        let difference = difference();
        if difference.is_none() || std::time::Instant::now() >= deadline {
            return difference;
        }
        std::thread::yield_now();
    }
}

/// Runs `body` alone, and checks that it leaves nothing.
pub fn leaving_nothing(body: impl Fn()) {
    let _alone = super::alone();
    let run = || {
        let before = held();
        body();
        settled(|| before.difference())
    };
    let mut left = None;
    for _ in 0..RUNS {
        left = run();
        if left.is_none() {
            return;
        }
    }
    panic!("{}", left.unwrap_or_default());
}
