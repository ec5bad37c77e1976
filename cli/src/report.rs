//! What the demonstration tells at its end: a table for people or one JSON object for programs.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The times from a frame's presentation in the child to its arrival in the host.
pub(crate) struct Latencies {
    nanoseconds: Histogram<u64>,
}

impl Latencies {
    /// An hour.
    const MOST: u64 = 3_600_000_000_000;

    /// No time yet.
    pub(crate) fn new() -> Latencies {
        // Three digits are exact; what takes longer than the most counts as the most.
        let nanoseconds = Histogram::new_with_bounds(1, Latencies::MOST, 3)
            .expect("an hour with three digits is within the histogram's limits");
        Latencies { nanoseconds }
    }

    /// Adds one time.
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.nanoseconds.saturating_record(nanoseconds);
    }

    /// The time that `part` (0 to 1) of all frames did not exceed; nothing without frames.
    pub(crate) fn quantile(&self, part: f64) -> Option<u64> {
        (!self.nanoseconds.is_empty()).then(|| self.nanoseconds.value_at_quantile(part))
    }
}

/// The demonstration's figures. The names are those of the JSON object.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Frames that the child presented.
    pub(crate) presented: u64,
    /// Frames that the host acquired.
    pub(crate) shown: u64,
    /// Frames that a newer one replaced before the host came.
    pub(crate) dropped: u64,
    /// Half of the frames were acquired within this time after they were presented.
    pub(crate) handoff_p50_ns: Option<u64>,
    /// 99 of 100 frames were.
    pub(crate) handoff_p99_ns: Option<u64>,
    /// Bytes of pixels that were copied to bring frames from the child to the host; unknown when the child
    /// did not live to tell where it drew, or the system does not say which memory it was.
    pub(crate) bytes_copied: Option<u64>,
    /// Processor time of the host.
    pub(crate) host_cpu_ms: f64,
    /// Processor time of the child.
    pub(crate) child_cpu_ms: Option<f64>,
    /// Pixels of a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// The surfaces' four-character code.
    pub(crate) format: String,
    /// How frames were handed over.
    pub(crate) mode: String,
    /// Images of the swapchain.
    pub(crate) images: u32,
}

impl Report {
    /// One line of JSON.
    pub(crate) fn json(&self) -> String {
        let mut rounded = self.clone();
        rounded.host_cpu_ms = tenth(self.host_cpu_ms);
        rounded.child_cpu_ms = self.child_cpu_ms.map(tenth);
        serde_json::to_string(&rounded).expect("numbers and strings have a JSON form")
    }

    /// A table, a line for each figure.
    pub(crate) fn table(&self) -> String {
        let shown = match self.presented {
            0 => self.shown.to_string(),
            all => format!("{} ({:.1} %)", self.shown, self.shown as f64 / all as f64 * 100.0),
        };
        let lines = [
            ("picture", format!("{} × {} {}", self.width, self.height, self.format)),
            ("swapchain", format!("{}, {} image{}", self.mode, self.images, plural(self.images))),
            ("frames presented", self.presented.to_string()),
            ("frames shown", shown),
            ("frames dropped", self.dropped.to_string()),
            ("hand-off, median", self.handoff_p50_ns.map_or("-".into(), duration)),
            ("hand-off, 99 %", self.handoff_p99_ns.map_or("-".into(), duration)),
            ("bytes copied", self.bytes_copied.map_or("-".into(), |bytes| bytes.to_string())),
            ("CPU, host", format!("{:.0} ms", self.host_cpu_ms)),
            ("CPU, child", self.child_cpu_ms.map_or("-".into(), |ms| format!("{ms:.0} ms"))),
        ];
        lines.iter().fold(String::new(), |mut table, (name, value)| {
            let _ = writeln!(table, "{name:<17} {value}");
            table
        })
    }
}

fn tenth(milliseconds: f64) -> f64 {
    (milliseconds * 10.0).round() / 10.0
}

fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A time as people read it.
fn duration(nanoseconds: u64) -> String {
    match nanoseconds {
        0..10_000 => format!("{nanoseconds} ns"),
        10_000..10_000_000 => format!("{:.1} µs", nanoseconds as f64 / 1e3),
        _ => format!("{:.1} ms", nanoseconds as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            presented: 300,
            shown: 297,
            dropped: 3,
            handoff_p50_ns: Some(48_200),
            handoff_p99_ns: None,
            bytes_copied: Some(0),
            host_cpu_ms: 12.3456,
            child_cpu_ms: Some(1.0),
            width: 1280,
            height: 720,
            format: "BGRA".into(),
            mode: "mailbox".into(),
            images: 3,
        }
    }

    #[test]
    fn the_object_has_exactly_the_promised_keys() {
        let value: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut promised = [
            "presented",
            "shown",
            "dropped",
            "handoff_p50_ns",
            "handoff_p99_ns",
            "bytes_copied",
            "host_cpu_ms",
            "child_cpu_ms",
            "width",
            "height",
            "format",
            "mode",
            "images",
        ];
        keys.sort_unstable();
        promised.sort_unstable();
        assert_eq!(keys, promised);
        assert_eq!(value["host_cpu_ms"], 12.3);
        assert!(value["handoff_p99_ns"].is_null());
    }

    #[test]
    fn the_table_says_what_people_ask() {
        let table = report().table();
        for part in ["297 (99.0 %)", "48.2 µs", "bytes copied      0\n", "mailbox, 3 images"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
    }

    #[test]
    fn quantiles_are_exact_to_three_digits() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.quantile(0.5), None);
        (1..=100).for_each(|i| latencies.add(i * 1000));
        let median = latencies.quantile(0.5).unwrap();
        assert!((50_000..=50_100).contains(&median), "{median}");
        assert!(latencies.quantile(0.99).unwrap() >= 99_000);
    }
}
