//! The plots, as SVG: latency over size, throughput over size, and how latencies are spread.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::report::{Row, Table, Unit};

const SIZE: (u32, u32) = (1100, 540);
/// The names of the lines, to the right.
const LEGEND: u32 = 240;

struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws what the tables have; gives titles and names of files.
pub(crate) fn draw(tables: &[Table], folder: &Path) -> Result<Vec<(String, String)>> {
    let mut drawn = Vec::new();
    let mut add = |title: String, file: String, axes: [&str; 2], lines: Vec<Line>| {
        if lines.iter().any(|line| line.points.len() > 1) {
            chart(&folder.join(&file), &title, axes, &lines).map_err(|error| anyhow!("{file}: {error}"))?;
            drawn.push((title, file));
        }
        anyhow::Ok(())
    };
    for table in tables {
        let vertical = match table.unit {
            Unit::Nanoseconds if table.name == "table-e" => "µs, 98th percentile",
            Unit::Nanoseconds => "µs, median",
            Unit::PerSecond => "messages a second",
            Unit::BytesPerSecond | Unit::Bytes | Unit::Count => continue,
        };
        let scale = if table.unit == Unit::Nanoseconds { 1e-3 } else { 1.0 };
        let value =
            |row: &Row| if table.name == "table-e" { row.summary.p98 } else { row.summary.median } * scale;
        let over_size = over_size(&table.rows, value);
        let file = format!("{}.svg", table.name);
        let horizontal = if table.name == "frames" { "pixels" } else { "bytes" };
        add(table.title.clone(), file, [horizontal, vertical], over_size)?;
        if table.unit == Unit::Nanoseconds && table.has_tails() {
            for (case, file) in some_cases(table) {
                let rows = table.rows.iter().filter(|row| row.case == case);
                let lines = rows.map(|row| distribution(row, scale)).collect();
                add(
                    format!("{}: {case}, how it is spread", table.title),
                    file,
                    ["part of all, %", "µs"],
                    lines,
                )?;
            }
        }
    }
    Ok(drawn)
}

/// The first, the middle and the last case.
fn some_cases(table: &Table) -> Vec<(String, String)> {
    let mut cases: Vec<&str> = table.rows.iter().map(|row| row.case.as_str()).collect();
    cases.dedup();
    let mut places = vec![0, cases.len() / 2, cases.len().saturating_sub(1)];
    places.dedup();
    let of =
        |place: usize| Some((cases.get(place)?.to_string(), format!("{}-spread-{place}.svg", table.name)));
    places.into_iter().filter_map(of).collect()
}

fn over_size(rows: &[Row], value: impl Fn(&Row) -> f64) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows.iter().filter(|row| row.size > 0.0) {
        let point = (row.size, value(row));
        match lines.iter_mut().find(|line| line.name == row.contender) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { name: row.contender.clone(), points: vec![point] }),
        }
    }
    lines
}

fn distribution(row: &Row, scale: f64) -> Line {
    let steps = row.distribution.len().saturating_sub(1).max(1) as f64;
    let point = |(step, value): (usize, &f64)| ((step as f64 * 100.0 / steps).max(0.1), value * scale);
    Line { name: row.contender.clone(), points: row.distribution.iter().enumerate().map(point).collect() }
}

/// Both axes have logarithmic scales, unless the horizontal one is percent.
fn chart(
    file: &Path,
    title: &str,
    [horizontal, vertical]: [&str; 2],
    lines: &[Line],
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|line| &line.points).filter(|(_, y)| *y > 0.0);
    let least = points().map(|(_, y)| *y).fold(f64::INFINITY, f64::min) * 0.8;
    let most = points().map(|(_, y)| *y).fold(0.0, f64::max) * 1.25;
    let from = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
    let to = points().map(|(x, _)| *x).fold(0.0, f64::max);
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 - LEGEND);
    let mut builder = ChartBuilder::on(&left);
    builder.caption(title, ("sans-serif", 18)).margin(12).x_label_area_size(40).y_label_area_size(70);
    let heights = (least..most).log_scale();
    macro_rules! fill {
        ($chart:expr) => {{
            let mut chart = $chart;
            chart
                .configure_mesh()
                .x_desc(horizontal)
                .y_desc(vertical)
                .x_label_formatter(&|value| format!("{value:.0}"))
                .light_line_style(WHITE.mix(0.0))
                .draw()?;
            for (number, line) in lines.iter().enumerate() {
                let points = line.points.iter().copied().filter(|(_, y)| *y > 0.0);
                chart.draw_series(LineSeries::new(points, style(number)))?;
            }
        }};
    }
    if horizontal.ends_with('%') {
        fill!(builder.build_cartesian_2d(0.0..100.0, heights)?);
    } else {
        fill!(builder.build_cartesian_2d((from..to).log_scale(), heights)?);
    }
    for (number, line) in lines.iter().enumerate() {
        let height = 50 + 20 * number as i32;
        right.draw(&PathElement::new([(4, height), (24, height)], style(number)))?;
        right.draw(&Text::new(line.name.clone(), (30, height - 6), ("sans-serif", 13)))?;
    }
    root.present()?;
    Ok(())
}

fn style(number: usize) -> ShapeStyle {
    Palette99::pick(number).stroke_width(2)
}
