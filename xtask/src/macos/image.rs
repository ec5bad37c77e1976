//! A Mach-O file, as LLVM's tools describe it: what it is, what it loads, what it exports and imports.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;

use super::toolchain::Toolchain;
use crate::project::Project;

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct Image {
    /// The install name, if it is a shared library.
    pub(super) install_name: Option<String>,
    /// The install names of the libraries that it loads.
    pub(super) libraries: Vec<String>,
    /// The oldest macOS that it runs on.
    pub(super) minimum: Option<String>,
    /// Whether its imports are bound to a library each.
    pub(super) is_two_level: bool,
    /// Whether it is signed: Apple silicon runs nothing that is not.
    pub(super) is_signed: bool,
    /// The symbols that others can use.
    pub(super) exports: BTreeSet<String>,
    /// The symbols that it uses of others.
    pub(super) imports: Vec<Import>,
}

/// A symbol of another library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) symbol: String,
    /// The short name of the library that it is bound to; none if it is looked for in all.
    pub(super) library: Option<String>,
    /// Whether it may be missing.
    pub(super) is_weak: bool,
}

impl Image {
    /// Asks the tools.
    pub(super) fn read(project: &Project, toolchain: &Toolchain, file: &Path) -> Result<Image> {
        let mut image = Image::parse_load_commands(&toolchain.load_commands(project, file)?)?;
        image.exports = parse_exports(&toolchain.exports(project, file)?)?;
        image.imports = parse_imports(&toolchain.imports(project, file)?)
            .with_context(|| format!("cannot tell what {} imports", file.display()))?;
        Ok(image)
    }

    fn parse_load_commands(text: &str) -> Result<Image> {
        let mut image = Image::default();
        let name = Regex::new(r"^name (.+) \(offset \d+\)$")?;
        let mut command = "";
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("cmd ") {
                command = rest.trim();
                image.is_signed |= command == "LC_CODE_SIGNATURE";
            } else if line.starts_with("MH_MAGIC") {
                image.is_two_level = line.split_whitespace().any(|word| word == "TWOLEVEL");
            } else if let Some(found) = name.captures(line) {
                match command {
                    "LC_ID_DYLIB" => image.install_name = Some(found[1].to_owned()),
                    "LC_LOAD_DYLIB" | "LC_LOAD_WEAK_DYLIB" | "LC_REEXPORT_DYLIB" => {
                        image.libraries.push(found[1].to_owned());
                    }
                    _ => {}
                }
            } else if let ("LC_BUILD_VERSION", Some(version)) = (command, line.strip_prefix("minos ")) {
                image.minimum = Some(version.trim().to_owned());
            }
        }
        Ok(image)
    }
}

/// The symbols of `objdump --exports-trie`.
fn parse_exports(text: &str) -> Result<BTreeSet<String>> {
    let line = Regex::new(r"(?m)^(?:0x[0-9A-Fa-f]+|\[re-export\])\s+(\S+)")?;
    Ok(line.captures_iter(text).map(|found| found[1].to_owned()).collect())
}

/// The symbols of `nm -m -u`.
fn parse_imports(text: &str) -> Result<Vec<Import>> {
    let pattern =
        Regex::new(r"^\(undefined\) (weak )?external (\S+) \((?:from ([^)]+)|dynamically looked up)\)$")?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let found = pattern.captures(line).with_context(|| format!("a strange line: {line}"))?;
            Ok(Import {
                symbol: found[2].to_owned(),
                library: found.get(3).map(|name| name.as_str().to_owned()),
                is_weak: found.get(1).is_some(),
            })
        })
        .collect()
}

/// The short name that imports call a library by: a framework's own, or the file's up to the first point.
pub(super) fn short_name(install_name: &str) -> &str {
    let file = install_name.rsplit('/').next().unwrap_or(install_name);
    file.split('.').next().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD_COMMANDS: &str = "\
libsurfaceport.dylib:
Mach header
      magic cputype cpusubtype  caps    filetype ncmds sizeofcmds      flags
MH_MAGIC_64   ARM64        ALL  0x00       DYLIB    15       2192   NOUNDEFS DYLDLINK TWOLEVEL NO_REEXPORTED_DYLIBS
Load command 4
          cmd LC_ID_DYLIB
      cmdsize 56
         name @rpath/libsurfaceport.0.dylib (offset 24)
   time stamp 0 Thu Jan  1 00:00:00 1970
      current version 0.1.0
compatibility version 0.0.0
Load command 9
       cmd LC_BUILD_VERSION
   cmdsize 32
  platform macos
       sdk 11.0
     minos 11.0
    ntools 1
      tool lld
   version 19.1.7
Load command 11
          cmd LC_LOAD_DYLIB
      cmdsize 96
         name /System/Library/Frameworks/IOSurface.framework/Versions/A/IOSurface (offset 24)
   time stamp 2 Thu Jan  1 00:00:02 1970
Load command 12
          cmd LC_LOAD_DYLIB
      cmdsize 56
         name /usr/lib/libSystem.B.dylib (offset 24)
Load command 14
      cmd LC_CODE_SIGNATURE
  cmdsize 16
";

    #[test]
    fn a_library_is_what_its_load_commands_say() {
        let image = Image::parse_load_commands(LOAD_COMMANDS).unwrap();
        assert_eq!(image.install_name.as_deref(), Some("@rpath/libsurfaceport.0.dylib"));
        assert_eq!(image.minimum.as_deref(), Some("11.0"));
        assert!(image.is_two_level && image.is_signed);
        let names: Vec<&str> = image.libraries.iter().map(|path| short_name(path)).collect();
        assert_eq!(names, ["IOSurface", "libSystem"]);
        let nothing = Image::parse_load_commands("").unwrap();
        assert!(!nothing.is_two_level && !nothing.is_signed && nothing.install_name.is_none());
    }

    #[test]
    fn exports_are_those_of_the_trie() {
        let text = "libsurfaceport.dylib:\n\nExports trie:\n0x00001D50  _sfp_surface_create\n\
                    0x00001E9C  _sfp_version_string [weak_def]\n[re-export] _other (from libOther)\n";
        let exports = parse_exports(text).unwrap();
        assert_eq!(
            exports.into_iter().collect::<Vec<_>>(),
            ["_other", "_sfp_surface_create", "_sfp_version_string"]
        );
    }

    #[test]
    fn an_import_names_its_library() {
        let text = "                 (undefined) external _IOSurfaceLock (from IOSurface)\n\
                    \x20                (undefined) weak external _os_sync (from libSystem)\n\
                    \x20                (undefined) external _anywhere (dynamically looked up)\n";
        let imports = parse_imports(text).unwrap();
        let import = |symbol: &str, library: Option<&str>, is_weak| Import {
            symbol: symbol.into(),
            library: library.map(String::from),
            is_weak,
        };
        assert_eq!(
            imports,
            [
                import("_IOSurfaceLock", Some("IOSurface"), false),
                import("_os_sync", Some("libSystem"), true),
                import("_anywhere", None, false),
            ]
        );
        assert!(parse_imports("U _IOSurfaceLock\n").is_err());
        assert!(parse_imports("").unwrap().is_empty());
    }
}
