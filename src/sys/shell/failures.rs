//! Calls that fail on purpose.
//!
//! Each call of this system that could fail in a real one passes a [`point`] first. A test counts the points of a
//! scenario, and runs it again for each of them, with that one failing.

use std::cell::RefCell;

use crate::error::{Error, Result, Status};

/// What this thread's calls do.
#[derive(Debug, Default)]
struct Plan {
    passed: usize,
    /// The point that fails, from 0, and how.
    failing: Option<(usize, Status)>,
    /// The name of the point that has failed.
    failed: Option<&'static str>,
}

thread_local! {
    static PLAN: RefCell<Plan> = RefCell::default();
}

/// Passed by a call before it does anything.
pub(super) fn point(name: &'static str) -> Result<()> {
    PLAN.with_borrow_mut(|plan| {
        let number = plan.passed;
        plan.passed += 1;
        match plan.failing {
            Some((failing, status)) if failing == number => {
                plan.failed = Some(name);
                Err(Error::new(status, format!("{name} fails on purpose")))
            }
            _ => Ok(()),
        }
    })
}

/// What a run of a scenario met.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<T> {
    /// What the scenario returned.
    pub(crate) outcome: T,
    /// Points that it passed.
    pub(crate) points: usize,
    /// The name of the call that failed, if one did.
    pub(crate) failed: Option<&'static str>,
}

/// Runs a scenario in this thread, in which the call with this number, from 0, fails with this status.
pub(crate) fn run<T>(failing: Option<(usize, Status)>, scenario: impl FnOnce() -> T) -> Run<T> {
    PLAN.set(Plan { failing, ..Plan::default() });
    let outcome = scenario();
    let plan = PLAN.take();
    Run { outcome, points: plan.passed, failed: plan.failed }
}

/// Runs a scenario once as it is, then once for each call that it makes and each of the statuses, with that call failing.
/// The scenario checks itself what must hold then. Gives how many calls failed.
pub(crate) fn each_call_fails_once(statuses: &[Status], mut scenario: impl FnMut()) -> usize {
    let points = run(None, &mut scenario).points;
    let mut failures = 0;
    for &status in statuses {
        for number in 0..points {
            let told = Told { number, status };
            failures += usize::from(run(Some((number, status)), &mut scenario).failed.is_some());
            std::mem::forget(told);
        }
    }
    failures
}

/// Says which call has failed, when a check of the scenario fails.
struct Told {
    number: usize,
    status: Status,
}

impl Drop for Told {
    fn drop(&mut self) {
        let failed = PLAN.with_borrow(|plan| plan.failed);
        eprintln!("call {} ({failed:?}) failed with {:?}", self.number, self.status);
    }
}
