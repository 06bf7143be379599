//! What the package says, against what the program is built from.

use std::fs;

use crate::support::root;

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The value of the first `name = "value"` in a TOML file.
fn value(toml: &str, name: &str) -> String {
    let start = format!("{name} = \"");
    let line =
        toml.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{name}"));
    line[start.len()..].trim_end_matches('"').to_owned()
}

#[test]
fn the_package_is_described_licensed_and_versioned_as_the_program() {
    let (cargo, package) = (text("Cargo.toml"), text("pyproject.toml"));
    assert_eq!(value(&package, "description"), value(&cargo, "description"));
    assert_eq!(value(&package, "license"), value(&cargo, "license"));
    // One place for the version: a second one would be forgotten.
    assert!(package.contains("dynamic = [\"version\"]") && !package.contains("\nversion"));
}

#[test]
fn a_build_from_source_asks_for_the_rust_that_is_needed() {
    let rust = value(&text("Cargo.toml"), "rust-version");
    for file in ["packaging/backend.py", "README.md"] {
        assert!(text(file).contains(&format!("{rust} or later")), "{file}");
    }
}

#[test]
fn every_target_of_a_release_is_one_that_the_build_knows_and_is_told_of() {
    let (build, page) = (text("packaging/build.py"), text("packaging/README.md"));
    let workflow = text(".github/workflows/release.yml");
    let targets = workflow.split("target: ").skip(1).filter_map(|rest| {
        let end = rest.find([',', ' ', '\n'])?;
        rest[..end].contains('-').then(|| rest[..end].trim_end_matches('}').to_owned())
    });
    let targets: Vec<String> = targets.collect();
    assert_eq!(targets.len(), 12, "{targets:?}");
    for target in targets {
        assert!(build.contains(&format!("\"{target}\": ")), "{target}");
        let (arch, rest) = target.split_once('-').unwrap();
        let short = format!("`{arch}-…-{}`", rest.rsplit('-').next().unwrap());
        assert!(page.contains(&target) || page.contains(&short), "{target} {short}");
    }
}
