//! What a package contains: the crates that are linked into its files, their licences, and the list of them for
//! machines (SBOM).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use serde_json::{Value, json};

use super::layout::{copy, write};
use crate::project::{LIBRARY, Project};

/// What a package with the library alone contains of the workspace.
pub(super) const LIBRARY_ALONE: &[&str] = &[LIBRARY];
/// What one with the program too contains.
pub(super) const WITH_PROGRAM: &[&str] = &[LIBRARY, "surfaceport-cli"];

/// Our own licences, at the top of the repository and of each package.
const OUR_LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Where the texts of the other licences lie in a package, and what the list is called.
pub(super) const LICENCES: &str = "licenses";
pub(super) const BILL: &str = "surfaceport.cdx.json";

/// How a licence's file is called begins with one of these.
const LICENCE_FILES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// The crates in a package, sorted by name and version.
pub(super) struct Contents {
    /// What the package is for; for each processor, where its files are for several.
    targets: Vec<String>,
    /// The version of the package.
    version: String,
    /// The Rust compiler, whose standard library is linked too, and its version.
    compiler: PathBuf,
    compiler_version: String,
    crates: BTreeMap<(String, String), Package>,
    /// Which of them each one links.
    links: BTreeMap<(String, String), BTreeSet<(String, String)>>,
}

/// The compiler of the packages for this system.
pub(super) const COMPILER: &str = "rustc";

/// The target of the packages for this system, as Rust names it.
pub(super) fn here() -> String {
    let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-gnu" };
    format!("{}-{system}", std::env::consts::ARCH)
}

impl Contents {
    /// Asks cargo what these packages of the workspace link, if this compiler builds them.
    pub(super) fn find(
        project: &Project,
        compiler: &Path,
        targets: &[&str],
        ours: &[&str],
    ) -> Result<Contents> {
        let (mut crates, mut links) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for target in targets {
            let metadata = MetadataCommand::new()
                .current_dir(&project.root)
                .features(CargoOpt::SomeFeatures(Vec::new()))
                .other_options(["--locked".into(), "--filter-platform".into(), (*target).to_owned()])
                .exec()
                .context("cannot ask cargo metadata")?;
            for (package, linked) in linked(&metadata, ours)? {
                let key = |package: &Package| (package.name.to_string(), package.version.to_string());
                links.entry(key(package)).or_default().extend(linked.into_iter().map(key));
                crates.insert(key(package), package.clone());
            }
        }
        let said = project.command(&compiler.to_string_lossy(), ["--version"]).read()?;
        let compiler_version = said.split_whitespace().nth(1).context("rustc says no version")?.to_owned();
        let targets = targets.iter().map(|&target| target.to_owned()).collect();
        let (compiler, version) = (compiler.to_path_buf(), project.version.clone());
        Ok(Contents { targets, version, compiler, compiler_version, crates, links })
    }

    /// Puts our licences, those of the crates and the list of the contents into a folder.
    pub(super) fn write_into(&self, project: &Project, folder: &Path) -> Result<()> {
        for licence in OUR_LICENCES {
            copy(&project.path(licence), &folder.join(licence), 0o644)?;
        }
        self.copy_licences(project, &folder.join(LICENCES))?;
        write(&folder.join(BILL), &self.bill()?)
    }

    /// Puts the licence of each crate, and of Rust's own library, into a folder.
    pub(super) fn copy_licences(&self, project: &Project, folder: &Path) -> Result<()> {
        for ((name, version), package) in &self.crates {
            if WITH_PROGRAM.contains(&name.as_str()) {
                continue;
            }
            let source = package.manifest_path.parent().context("a crate without a folder")?;
            let mut files = licence_files(source.as_std_path())?;
            if files.is_empty() {
                // Some crates name their licence and leave its text out.
                let expression = package.license.clone().unwrap_or_default();
                let ours: &[&str] = match expression.as_str() {
                    text if text.contains("Apache-2.0") => &["LICENSE-APACHE"],
                    _ => bail!("{name} {version} has no licence's text, and says {expression:?}"),
                };
                files = ours.iter().map(|file| project.path(file)).collect();
            }
            let to = folder.join(format!("{name}-{version}"));
            for file in files {
                copy(&file, &to.join(file.file_name().context("a file without a name")?), 0o644)?;
            }
        }
        let rust = folder.join("rust-standard-library");
        for file in standard_library_licences(project, &self.compiler)? {
            copy(&file, &rust.join(file.file_name().context("a file without a name")?), 0o644)?;
        }
        Ok(())
    }

    /// The list of the contents as CycloneDX 1.5 in JSON. It has no time and no random number: the same contents are
    /// the same bytes.
    pub(super) fn bill(&self) -> Result<String> {
        let version = &self.version;
        let reference = |name: &str, version: &str| format!("pkg:cargo/{name}@{version}");
        let component = |name: &str, version: &str, license: Option<&str>, kind: &str| {
            let mut component = json!({
                "type": kind,
                "bom-ref": reference(name, version),
                "name": name,
                "version": version,
                "purl": reference(name, version),
            });
            if let Some(license) = license {
                // Old crates write a slash for OR.
                component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
            }
            component
        };
        let mut components: Vec<Value> = Vec::new();
        let mut dependencies: Vec<Value> = Vec::new();
        for ((name, version), package) in &self.crates {
            if name != LIBRARY {
                components.push(component(name, version, package.license.as_deref(), "library"));
            }
            let on: Vec<String> =
                self.links[&(name.clone(), version.clone())].iter().map(|(n, v)| reference(n, v)).collect();
            dependencies.push(json!({ "ref": reference(name, version), "dependsOn": on }));
        }
        components.push(json!({
            "type": "library",
            "bom-ref": "rust-standard-library",
            "name": "rust-standard-library",
            "version": self.compiler_version,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        }));
        let bill = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {
                "component": component(LIBRARY, version, Some("MIT OR Apache-2.0"), "library"),
                "properties": self.targets.iter()
                    .map(|target| json!({ "name": "surfaceport:target", "value": target }))
                    .collect::<Vec<_>>(),
            },
            "components": components,
            "dependencies": dependencies,
        });
        Ok(serde_json::to_string_pretty(&bill)? + "\n")
    }
}

/// What is linked into the files of a package, each with what it links itself. Macros and build scripts run in the
/// compiler and are in no file.
fn linked<'m>(metadata: &'m Metadata, ours: &[&str]) -> Result<Vec<(&'m Package, Vec<&'m Package>)>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata has no graph")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let is_macro =
        |package: &Package| package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro));
    let mut waiting: Vec<&Package> =
        metadata.packages.iter().filter(|package| ours.contains(&package.name.as_str())).collect();
    if waiting.len() != ours.len() {
        bail!("the workspace lacks one of {}", ours.join(", "));
    }
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some(package) = waiting.pop() {
        if !seen.insert(&package.id) {
            continue;
        }
        let node = nodes.get(&package.id).context("cargo metadata lacks a node")?;
        let is_normal = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        let links: Vec<&Package> = node
            .deps
            .iter()
            .filter(is_normal)
            .map(|dependency| &metadata[&dependency.pkg])
            .filter(|package| !is_macro(package))
            .collect();
        waiting.extend(&links);
        found.push((package, links));
    }
    Ok(found)
}

/// The files of a folder that look like licences.
fn licence_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if entry.file_type()?.is_file() && LICENCE_FILES.iter().any(|start| name.starts_with(start)) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// What the compiler's distribution says of the standard library's licences.
fn standard_library_licences(project: &Project, compiler: &Path) -> Result<Vec<PathBuf>> {
    let sysroot = project.command(&compiler.to_string_lossy(), ["--print", "sysroot"]).read()?;
    let documents = Path::new(sysroot.trim()).join("share/doc");
    let candidates = [
        documents.join("rust/COPYRIGHT-library.html"),
        documents.join("rust/COPYRIGHT"),
        documents.join("rustc/copyright"),
        documents.join("rustc-web/copyright"),
    ];
    let found = candidates.into_iter().find(|file| file.is_file());
    Ok(vec![found.context("the Rust compiler's folder has no licences of its standard library")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(targets: &[&str], ours: &[&str]) -> Contents {
        Contents::find(&Project::find(false).unwrap(), COMPILER.as_ref(), targets, ours).unwrap()
    }

    fn contents() -> Contents {
        of(&["x86_64-unknown-linux-gnu"], WITH_PROGRAM)
    }

    #[test]
    fn the_library_alone_has_no_crate_of_the_program() {
        let apple = ["aarch64-apple-darwin", "x86_64-apple-darwin"];
        let contents = of(&apple, LIBRARY_ALONE);
        let names: BTreeSet<&str> = contents.crates.keys().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains("mach2") && names.contains("objc2-io-surface"), "{names:?}");
        assert!(!names.contains("clap") && !names.contains("surfaceport-cli"), "{names:?}");
        let bill = contents.bill().unwrap();
        assert!(apple.iter().all(|target| bill.contains(target)), "{bill}");
    }

    #[test]
    fn what_is_linked_is_contained_and_nothing_else() {
        let names: BTreeSet<String> = contents().crates.into_keys().map(|(name, _)| name).collect();
        for name in ["surfaceport", "surfaceport-cli", "rustix", "libc", "clap"] {
            assert!(names.contains(name), "{name}");
        }
        // A macro, a task's crate, and one of another system.
        for name in ["syn", "cbindgen", "objc2-io-surface"] {
            assert!(!names.contains(name), "{name}");
        }
    }

    #[test]
    fn the_bill_is_valid() {
        use cyclonedx_bom::prelude::{Bom, SpecVersion, Validate};
        let text = contents().bill().unwrap();
        let judge =
            |text: &str| Bom::parse_from_json(text.as_bytes()).unwrap().validate_version(SpecVersion::V1_5);
        let result = judge(&text);
        assert!(result.passed(), "{result:?}");
        assert!(!judge(&text.replace("MIT OR Apache-2.0", "MIT OR OR")).passed());
    }

    #[test]
    fn the_bill_names_each_crate_once_with_its_licence() {
        let contents = contents();
        let bill: Value = serde_json::from_str(&contents.bill().unwrap()).unwrap();
        let components = bill["components"].as_array().unwrap();
        assert_eq!(components.len(), contents.crates.len());
        let references: BTreeSet<&str> =
            components.iter().map(|one| one["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(references.len(), components.len());
        assert!(components.iter().all(|one| one["licenses"][0]["expression"].is_string()), "{bill}");
        for edge in bill["dependencies"].as_array().unwrap() {
            for on in edge["dependsOn"].as_array().unwrap() {
                let on = on.as_str().unwrap();
                assert!(references.contains(on) || on.starts_with("pkg:cargo/surfaceport@"), "{on}");
            }
        }
        assert_eq!(contents.bill().unwrap(), self::contents().bill().unwrap());
    }
}
