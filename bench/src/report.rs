//! The report: tables, on the terminal, as Markdown and as JSON.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::machine::Machine;
use crate::samples::{Series, Summary};

/// Steps of a row's distribution.
const STEPS: usize = 200;

/// What a table's figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    Nanoseconds,
    PerSecond,
    BytesPerSecond,
    Bytes,
    Count,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What is compared: a size, a count. Rows of one case have ratios to the one that is ours.
    pub(crate) case: String,
    /// The case as a number, for plots.
    pub(crate) size: f64,
    pub(crate) contender: String,
    pub(crate) summary: Summary,
    /// How many times worse than ours: longer, or fewer.
    pub(crate) ratio: Option<f64>,
    /// The same of the 98th percentiles.
    pub(crate) ratio_p98: Option<f64>,
    pub(crate) distribution: Vec<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) notes: Vec<String>,
    pub(crate) unit: Unit,
    /// What the ratios are to.
    pub(crate) compared_to: String,
    pub(crate) rows: Vec<Row>,
}

/// All of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    tables: Vec<Table>,
}

impl Table {
    pub(crate) fn new(name: &'static str, title: &str, unit: Unit) -> Self {
        Self {
            name,
            title: title.into(),
            notes: Vec::new(),
            unit,
            compared_to: String::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    pub(crate) fn add(&mut self, case: impl Into<String>, size: f64, contender: &str, series: &Series) {
        self.rows.push(Row {
            case: case.into(),
            size,
            contender: contender.into(),
            summary: series.summary(),
            ratio: None,
            ratio_p98: None,
            distribution: series.distribution(STEPS),
        });
    }

    /// Fills in the ratios: within each case, to the row of this contender of ours.
    pub(crate) fn compare_to(&mut self, contender: &str) {
        self.compare(contender, "ours");
    }

    /// Fills in the ratios, to a row that is not one of several contenders.
    pub(crate) fn compare_to_case(&mut self, contender: &str) {
        self.compare(contender, contender);
    }

    fn compare(&mut self, contender: &str, shown: &str) {
        self.compared_to = shown.into();
        let ours: Vec<(String, Summary)> = self
            .rows
            .iter()
            .filter(|row| row.contender == contender)
            .map(|row| (row.case.clone(), row.summary))
            .collect();
        let has_tails = self.has_tails();
        for row in &mut self.rows {
            let Some((_, own)) = ours.iter().find(|(case, _)| *case == row.case) else { continue };
            let worse = |value: f64, own: f64| match self.unit {
                Unit::PerSecond | Unit::BytesPerSecond => own / value,
                Unit::Nanoseconds | Unit::Bytes | Unit::Count => value / own,
            };
            row.ratio = Some(worse(row.summary.median, own.median));
            row.ratio_p98 = has_tails.then(|| worse(row.summary.p98, own.p98));
        }
    }

    /// Whether a round of it is more than one figure.
    pub(crate) fn has_tails(&self) -> bool {
        self.rows.iter().any(|row| row.summary.samples > 1)
    }

    fn lines(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let tails = self.has_tails();
        let compared = !self.compared_to.is_empty();
        let mut head: Vec<String> = ["case", "by", "median"].map(String::from).into();
        if tails {
            head.extend(["p98".into(), "p99".into()]);
        }
        head.push("medians of the rounds".into());
        if compared {
            head.push(format!("× {}", self.compared_to));
        }
        if compared && tails {
            head.push(format!("× {}, p98", self.compared_to));
        }
        let lines = self.rows.iter().map(|row| {
            let show = |value| self.unit.show(value);
            let ratio = |value: Option<f64>| value.map(show_ratio).unwrap_or_default();
            let Summary { median, p98, p99, low, high, .. } = row.summary;
            let mut line = vec![row.case.clone(), row.contender.clone(), show(median)];
            if tails {
                line.extend([show(p98), show(p99)]);
            }
            line.push(format!("{} to {}", show(low), show(high)));
            if compared {
                line.push(ratio(row.ratio));
            }
            if compared && tails {
                line.push(ratio(row.ratio_p98));
            }
            line
        });
        (head, lines.collect())
    }

    /// For the terminal, and a table of Markdown as well.
    pub(crate) fn text(&self) -> String {
        let (head, lines) = self.lines();
        let width_of = |column: usize, head: &str| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.chain([head.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> =
            head.iter().enumerate().map(|(column, head)| width_of(column, head)).collect();
        let mut text = format!("## {}\n\n", self.title);
        let mut write = |cells: Vec<&str>| {
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let fill = " ".repeat(width - cell.chars().count());
                let (before, behind) = if column < 2 { ("", fill.as_str()) } else { (fill.as_str(), "") };
                let _ = write!(text, "| {before}{cell}{behind} ");
            }
            text.push_str("|\n");
        };
        write(head.iter().map(String::as_str).collect());
        let rules: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| if column < 2 { "-".repeat(*width) } else { "-".repeat(*width - 1) + ":" })
            .collect();
        write(rules.iter().map(String::as_str).collect());
        for line in &lines {
            write(line.iter().map(String::as_str).collect());
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            _ if value.is_nan() => "-".into(),
            Self::Nanoseconds if value >= 1e9 => format!("{:.2} s", value / 1e9),
            Self::Nanoseconds if value >= 1e6 => format!("{:.2} ms", value / 1e6),
            Self::Nanoseconds if value >= 1e3 => format!("{:.2} µs", value / 1e3),
            Self::Nanoseconds => format!("{value:.0} ns"),
            Self::PerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
            Self::PerSecond => format!("{:.1} k/s", value / 1e3),
            Self::BytesPerSecond => format!("{:.2} GB/s", value / 1e9),
            Self::Bytes => format!("{:.1} KiB", value / 1024.0),
            Self::Count => format!("{value:.1}"),
        }
    }
}

fn show_ratio(ratio: f64) -> String {
    match ratio {
        ..0.1 => format!("{ratio:.5}"),
        0.1..100.0 => format!("{ratio:.2}"),
        _ => format!("{ratio:.0}"),
    }
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, tables: Vec::new() }
    }

    /// Prints the tables, and writes everything so far: a long run that is ended leaves what it has.
    pub(crate) fn add(&mut self, tables: Vec<Table>, folder: &Path) -> Result<()> {
        for table in &tables {
            println!("{}", table.text());
        }
        self.tables.extend(tables);
        std::fs::create_dir_all(folder)?;
        let plots = crate::plot::draw(&self.tables, folder)?;
        std::fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)?)?;
        std::fs::write(folder.join("report.md"), self.markdown(&plots))?;
        Ok(())
    }

    fn markdown(&self, plots: &[(String, String)]) -> String {
        let mut text = format!("# What surfaceport costs, and what others do\n\n{}\n", self.machine.text());
        text.push_str(
            "Every figure is between two processes. The rounds of the contenders take turns, and a figure is the \
             median of its rounds; behind it stand the lowest and the highest median of a round. *× ours* is how many \
             times longer, or fewer, than the row of ours in the same case that has 1.00.\n\n",
        );
        for table in &self.tables {
            let _ = writeln!(text, "{}", table.text());
        }
        for (title, file) in plots {
            let _ = writeln!(text, "![{title}]({file})\n");
        }
        text
    }
}
