//! Wheels for Windows: the machine of every DLL that a process of the tag loads.

use truewheel_wheel::{PlatformTag, WindowsArch};

use super::{Level, LevelState, NeededLibrary, Show, order};
use crate::policy::{Obstacle, ObstacleKind};
use crate::search::Included;
use crate::search::pe::PeGraph;
use crate::survey::{Kind, Survey};
use crate::tree::Status;

/// Adds what the machines of the files say of the tags. Programs run in processes of their own, so a
/// helper of another machine takes nothing from a tag.
pub(super) fn judge(survey: &Survey, show: &mut Show) {
    if survey.scan.pe.is_empty() {
        return;
    }
    if let Kind::Windows(windows) = &survey.kind {
        show.needs.extend(included(&windows.graph));
        show.needs.sort_by_key(|need| order(need.status));
    }
    for (claim, tag) in show.tags.iter_mut().zip(&survey.wheel.filename().platforms) {
        let PlatformTag::Windows { arch } = tag else {
            continue;
        };
        let obstacles = obstacles(survey, machines(*arch));
        claim.kept = Some(obstacles.is_empty());
        let state = if obstacles.is_empty() { LevelState::Kept } else { LevelState::NotKept };
        let (vendor, missing) = (Vec::new(), Vec::new());
        show.levels.push(Level { tag: tag.to_string(), state, vendor, missing, obstacles });
    }
    let kept =
        show.tags.iter().find(|claim| claim.kept == Some(true)).map(|claim| claim.tag.clone());
    let is_whole = !show.lacks_any() && !show.reaches_outside();
    show.architecture = survey.scan.pe.first().map(|(_, file)| file.architecture.to_owned());
    show.earned = kept.filter(|_| is_whole);
    show.judge_by_needs();
}

/// DLLs that come along because the caller names them.
fn included(graph: &PeGraph) -> Vec<NeededLibrary> {
    let library = |included: &Included| {
        let library = graph.libraries.get(graph.node(included.id).place.library()?)?;
        Some(NeededLibrary {
            name: graph.file_name(included.id),
            status: Status::External,
            path: Some(library.path.display().to_string()),
            size: Some(library.size),
            rule: Some(included.option.clone()),
            needed_by: Vec::new(),
            searched: Vec::new(),
            passed_over: Vec::new(),
        })
    };
    graph.included.iter().filter_map(library).collect()
}

/// What a process of the tag's Python loads.
fn machines(arch: WindowsArch) -> &'static [&'static str] {
    match arch {
        WindowsArch::Win32 => &["x86"],
        WindowsArch::Amd64 => &["x64"],
        WindowsArch::Arm64 => &["arm64", "arm64x"],
        WindowsArch::Arm32 => &["arm"],
    }
}

fn obstacles(survey: &Survey, machines: &[&str]) -> Vec<Obstacle> {
    let files = survey.scan.pe.iter().filter(|(_, file)| file.is_dll);
    let foreign = files.filter(|(_, file)| !machines.contains(&file.architecture));
    foreign
        .map(|(path, file)| Obstacle {
            file: path.to_string(),
            kind: ObstacleKind::Architecture,
            what: format!("is for {}", file.architecture),
            symbols: Vec::new(),
        })
        .collect()
}
