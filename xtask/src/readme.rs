//! README.md as a source of tests: its commands are run, its code is compared with real files.
//!
//! Two kinds of marker, both comments that a reader does not see:
//!
//! - `<!-- NAME:begin -->` and `<!-- NAME:end -->` around shell blocks that a step runs;
//! - `<!-- extract: PATH -->` just before a code block that is an extract of that file: its lines
//!   are lines of the file, in one piece, or in several with `...` or `/* ... */` between them.
//!   Indentation does not count.

use anyhow::{Context, Result, bail};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::project::Project;
use crate::report::Outcome;

const README: &str = "README.md";

/// The files that README.md must show.
const SHOWN: [&str; 8] = [
    "examples/c/host.c",
    "examples/c/child.c",
    "examples/cpp/host.cpp",
    "examples/cpp/child.cpp",
    "examples/swift/frames/Sources/host/main.swift",
    "examples/swift/frames/Sources/child/main.swift",
    "examples/python/host.py",
    "examples/python/child.py",
];

/// Compares each code block that names a file with the file.
pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let extracts = extracts(&project.read(README)?);
    for path in SHOWN {
        if !extracts.iter().any(|extract| extract.path == path) {
            bail!(
                "{README} shows no extract of {path}: put `<!-- extract: {path} -->` before its code block"
            );
        }
    }
    for extract in &extracts {
        let file = project.read(&extract.path)?;
        compare(&extract.code, &file)
            .with_context(|| format!("a code block in {README} is no extract of {}", extract.path))?;
        println!("{}: {} lines of it in {README}", extract.path, extract.code.lines().count());
    }
    Ok(Outcome::Passed)
}

/// The text of the shell blocks between the markers of this name.
pub(crate) fn shell(project: &Project, name: &str) -> Result<String> {
    shell_between(&project.read(README)?, name).with_context(|| README.to_owned())
}

/// A piece of the document: what the checks are interested in.
enum Piece {
    Comment(String),
    Code { language: String, text: String },
    Other,
}

/// A code block that is said to be from a file.
struct Extract {
    path: String,
    code: String,
}

fn pieces(markdown: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Start(Tag::HtmlBlock | Tag::CodeBlock(_)) => {
                if let Event::Start(Tag::CodeBlock(kind)) = event {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    pieces.push(Piece::Code { language, text: String::new() });
                }
                text.clear();
            }
            Event::Html(part) | Event::Text(part) => text.push_str(&part),
            Event::End(TagEnd::HtmlBlock) => pieces.extend(comments(&text).map(Piece::Comment)),
            Event::End(TagEnd::CodeBlock) => {
                if let Some(Piece::Code { text: code, .. }) = pieces.last_mut() {
                    *code = std::mem::take(&mut text);
                }
            }
            Event::Start(_) => pieces.push(Piece::Other),
            _ => {}
        }
    }
    pieces
}

/// What stands in the comments of a piece of HTML.
fn comments(html: &str) -> impl Iterator<Item = String> + '_ {
    html.split("<!--").skip(1).filter_map(|rest| Some(rest.split_once("-->")?.0.trim().to_owned()))
}

fn shell_between(markdown: &str, name: &str) -> Result<String> {
    let (begin, end) = (format!("{name}:begin"), format!("{name}:end"));
    let mut inside = false;
    let (mut began, mut ended) = (false, false);
    let mut shell = String::new();
    for piece in pieces(markdown) {
        match piece {
            Piece::Comment(comment) if comment == begin => (inside, began) = (true, true),
            Piece::Comment(comment) if comment == end => (inside, ended) = (false, inside),
            Piece::Code { language, text } if inside && language == "sh" => shell.push_str(&text),
            _ => {}
        }
    }
    if !began || !ended {
        bail!("there is no `<!-- {begin} -->` … `<!-- {end} -->`");
    }
    if shell.trim().is_empty() {
        bail!("there is no ```sh block between `<!-- {begin} -->` and `<!-- {end} -->`");
    }
    Ok(shell)
}

fn extracts(markdown: &str) -> Vec<Extract> {
    let mut extracts = Vec::new();
    let mut path = None;
    for piece in pieces(markdown) {
        match piece {
            Piece::Comment(comment) => {
                path = comment.strip_prefix("extract:").map(|path| path.trim().to_owned())
            }
            Piece::Code { text, .. } => {
                if let Some(path) = path.take() {
                    extracts.push(Extract { path, code: text });
                }
            }
            Piece::Other => path = None,
        }
    }
    extracts
}

/// Whether the code is an extract of the file; if not, the first line that is not in it.
fn compare(code: &str, file: &str) -> Result<()> {
    let file: Vec<&str> = file.lines().map(str::trim).collect();
    let mut from = 0;
    for part in code.lines().map(str::trim).collect::<Vec<_>>().split(|line| is_gap(line)) {
        let part = trim_blank(part);
        if part.is_empty() {
            continue;
        }
        from = find(part, &file, from)?;
    }
    if from == 0 {
        bail!("it is empty");
    }
    Ok(())
}

fn is_gap(line: &str) -> bool {
    let line = line.trim_start_matches("/*").trim_start_matches("//").trim_end_matches("*/").trim();
    line == "..." || line == "…"
}

fn trim_blank<'a, 'b>(mut lines: &'a [&'b str]) -> &'a [&'b str] {
    while let [first, rest @ ..] = lines
        && first.is_empty()
    {
        lines = rest;
    }
    while let [rest @ .., last] = lines
        && last.is_empty()
    {
        lines = rest;
    }
    lines
}

/// Where the part ends in the file, from this line on.
fn find(part: &[&str], file: &[&str], from: usize) -> Result<usize> {
    let mut longest = 0;
    for start in from..file.len() {
        let same = part.iter().zip(&file[start..]).take_while(|(a, b)| a == b).count();
        if same == part.len() {
            return Ok(start + same);
        }
        longest = longest.max(same);
    }
    bail!("the file has no such line there: {}", part[longest])
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = r#"
# surfaceport

<!-- extract: examples/c/host.c -->

```c
int main(void)
{
    /* ... */
    return 0;
}
```

A block of nothing:

```c
int other;
```

<!-- c-examples:begin -->
Build the examples:

```sh
cc one.c -o one
```

```text
no command
```

```sh
cc two.c \
   -o two
```
<!-- c-examples:end -->

```sh
cc three.c
```
"#;

    const FILE: &str = "\
#include <stdio.h>

int main(void)
{
    puts(\"something\");
    return 0;
}
";

    #[test]
    fn shell_blocks_between_the_markers_are_joined() {
        let shell = shell_between(README, "c-examples").unwrap();
        assert_eq!(shell, "cc one.c -o one\ncc two.c \\\n   -o two\n");
    }

    #[test]
    fn missing_markers_are_an_error() {
        assert!(shell_between(README, "swift").unwrap_err().to_string().contains("swift:begin"));
        assert!(shell_between("<!-- a:begin -->\n\n```sh\nx\n```\n", "a").is_err());
        assert!(shell_between("<!-- a:end -->\n\n```sh\nx\n```\n\n<!-- a:begin -->\n", "a").is_err());
        assert!(shell_between("<!-- a:begin -->\n\n```c\nx\n```\n\n<!-- a:end -->\n", "a").is_err());
    }

    #[test]
    fn only_the_block_after_the_marker_is_an_extract() {
        let extracts = extracts(README);
        assert_eq!(extracts.len(), 1);
        assert_eq!(extracts[0].path, "examples/c/host.c");
        assert!(extracts[0].code.starts_with("int main"));
        assert!(super::extracts("<!-- extract: a.c -->\n\nText.\n\n```c\nx\n```\n").is_empty());
    }

    #[test]
    fn an_extract_may_leave_something_out() {
        compare(FILE, FILE).unwrap();
        compare(&extracts(README)[0].code, FILE).unwrap();
        compare("puts(\"something\");\nreturn 0;\n", FILE).unwrap();
    }

    #[test]
    fn a_changed_line_is_named() {
        let error = compare("int main(void)\n{\n    puts(\"else\");\n", FILE).unwrap_err().to_string();
        assert_eq!(error, "the file has no such line there: puts(\"else\");");
        // The order counts, and so does what is left out without saying so.
        assert!(compare("return 0;\n...\nint main(void)\n", FILE).is_err());
        assert!(compare("int main(void)\n{\n    return 0;\n}\n", FILE).is_err());
        assert!(compare("", FILE).is_err());
    }
}
