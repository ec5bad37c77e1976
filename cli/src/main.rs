//! The `surfaceport` program.
#![allow(dead_code)]

mod clock;
mod color;
mod failure;
mod letters;
mod picture;
mod rate;
mod report;
mod scene;
mod still;
mod y4m;

fn main() {}
