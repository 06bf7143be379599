//! One function for each command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use truewheel_repair::{
    Error, Lock, MergeInput, Options, Plan, Prepared, PreparedMerge, Report, Unmatched,
};

use crate::cli;
use crate::config::{
    CheckTask, Config, Job, LookTask, MergeTask, RepairTask, ReplaceNeededTask, Task,
};
use crate::frontends::{self, AddplatTask, ListdepsTask, PatchTask, PathTask, Voice};
use crate::progress::Progress;
use crate::report::{ListShape, Printer};
use crate::shims::{self, Shims};
use crate::status::Status;

/// Does what the configuration says.
pub(crate) fn run(config: &Config) -> Status {
    let printer = Printer::new(config);
    config.warnings.iter().for_each(|warning| printer.warning(warning));
    let status = run_with(config, &printer);
    let is_written =
        status == Status::Done && matches!(&config.task, Task::Repair(task) if !task.dry_run);
    printer.finish(status, if is_written { "; the wheels are written" } else { "" })
}

fn run_with(config: &Config, printer: &Printer) -> Status {
    if let Some(threads) = config.threads
        && let Err(error) = truewheel_repair::use_threads(threads)
    {
        printer.error(None, &error);
        return Status::Failed;
    }
    match &config.task {
        Task::Repair(task) if task.dry_run => dry_run(task, printer),
        Task::Repair(task) => repair(task, config.voice, printer),
        Task::Check(task) => check(task, printer),
        Task::Merge(task) => merge(task, printer),
        Task::Show(task) => show(task, config.voice, printer),
        Task::Tree(task) => tree(task, printer),
        Task::Needed(file) => needed(file, printer),
        Task::ReplaceNeeded(task) => replace_needed(task, printer),
        Task::InForce { found, json } => {
            printer.in_force(found, *json);
            Status::Done
        }
        Task::Listdeps(task) => listdeps(task, printer),
        Task::Addplat(task) => addplat(task, printer),
        Task::Patch(task) => patch(task, printer),
        Task::Path(task) => path(task, printer),
        Task::InstallShims(task) => install_shims(task, printer),
        Task::Groups(task) => {
            printer.groups(&task.groups, task.json);
            Status::Done
        }
        Task::Text(text) => {
            printer.text(text);
            Status::Done
        }
        Task::Gone(text) => {
            printer.text(text);
            Status::Failed
        }
        Task::Manual(directory) => manual(directory, printer),
    }
}

/// What is missing is told and no fault.
fn listdeps(task: &ListdepsTask, printer: &Printer) -> Status {
    let shape = ListShape { is_alone: task.jobs.len() == 1, depending: task.depending };
    let mut status = Status::Done;
    for job in &task.jobs {
        match frontends::listdeps(job, task.all) {
            Ok(found) => printer.listdeps(&job.file, &found, shape),
            Err(error) => {
                printer.error(Some(&job.file), &error);
                status = Status::Failed;
            }
        }
    }
    status
}

fn addplat(task: &AddplatTask, printer: &Printer) -> Status {
    for job in &task.jobs {
        printer.adds_platforms(&job.file, &task.tags, task.jobs.len() == 1);
        match frontends::addplat(job, task) {
            Ok(output) => printer.added_platforms(&job.file, output.as_deref(), task),
            Err(error) if task.skip_errors => printer.cannot_add_platforms(&job.file, &error),
            Err(error) => {
                printer.error(Some(&job.file), &error);
                return Status::Failed;
            }
        }
    }
    Status::Done
}

fn patch(task: &PatchTask, printer: &Printer) -> Status {
    match frontends::patch(task) {
        Ok(report) => {
            printer.patched(&task.patch, &report);
            Status::Done
        }
        Err(error) => {
            printer.error(Some(&task.job.file), &error);
            Status::Failed
        }
    }
}

/// The first directory that fails is the last one that is looked at.
fn path(task: &PathTask, printer: &Printer) -> Status {
    let mut unmatched = Vec::new();
    for job in &task.jobs {
        if task.jobs.len() > 1 {
            printer.directory(&job.file);
        }
        match frontends::path(job, task) {
            Ok(report) => {
                printer.vendored_into(&report);
                unmatched.push(report.unmatched);
            }
            Err(error) => {
                printer.error(Some(&job.file), &error);
                return Status::Failed;
            }
        }
    }
    printer.unmatched(unmatched.iter().map(Vec::as_slice));
    Status::Done
}

fn install_shims(task: &Shims, printer: &Printer) -> Status {
    match shims::install(task) {
        Ok(paths) => {
            printer.shims(&paths);
            Status::Done
        }
        Err(fault) => {
            printer.shim_fault(&fault);
            Status::Failed
        }
    }
}

/// Every wheel is looked at, also behind one that fails.
fn check(task: &CheckTask, printer: &Printer) -> Status {
    if task.list {
        printer.rules(task.json);
        return Status::Done;
    }
    let mut reports = Vec::new();
    for Job { file: wheel, options } in &task.jobs {
        match truewheel_repair::check(wheel, options) {
            Ok(report) => reports.push(report),
            Err(error) => printer.error(Some(wheel), &error),
        }
    }
    printer.checks(task.jobs.len(), &reports, task.json);
    printer.unmatched(reports.iter().map(|report| report.unmatched.as_slice()));
    let is_good = reports.len() == task.jobs.len() && reports.iter().all(|report| report.passed);
    if is_good { Status::Done } else { Status::Failed }
}

/// Each wheel's own faults are told with its name, those of the pair with the first's.
fn merge(task: &MergeTask, printer: &Printer) -> Status {
    let output = &task.options.output;
    let was_there = output.exists();
    let open = |path: &PathBuf| {
        let opened = MergeInput::open(path);
        opened.map_err(|error| printer.error(Some(path), &error)).ok()
    };
    let [Some(first), Some(second)] = task.wheels.each_ref().map(open) else {
        return Status::Failed;
    };
    let inputs = [first, second];
    let done = match task.dry_run {
        true => truewheel_repair::plan_merge(&inputs, &task.options).map(|report| {
            printer.merge_plan(&report, task.json);
            report.unmatched
        }),
        false => truewheel_repair::prepare_merge(&inputs, &task.options)
            .and_then(PreparedMerge::persist)
            .map(|report| {
                printer.merged(&report, task.json);
                report.unmatched
            }),
    };
    match done {
        Ok(unmatched) => {
            printer.unmatched([unmatched.as_slice()]);
            Status::Done
        }
        Err(error) => {
            printer.error(Some(&task.wheels[0]), &error);
            if !was_there {
                // Only an empty directory can be removed so, and that it is there does no harm.
                let _ = std::fs::remove_dir(output);
            }
            Status::Failed
        }
    }
}

fn show(task: &LookTask, voice: Voice, printer: &Printer) -> Status {
    let mut is_fit = true;
    let status = look(task, printer, truewheel_repair::show, |shows| {
        printer.shows(shows, task);
        let is_pure_fine = task.is_pure_fine;
        is_fit = shows.iter().all(|show| frontends::is_shown(voice, is_pure_fine, show));
        shows.iter().map(|show| show.unmatched.clone()).collect()
    });
    if is_fit { status } else { Status::Failed }
}

fn tree(task: &LookTask, printer: &Printer) -> Status {
    look(task, printer, truewheel_repair::tree, |trees| {
        printer.trees(task.jobs.len(), trees, task.json);
        trees.iter().map(|tree| tree.unmatched.clone()).collect()
    })
}

fn needed(file: &Path, printer: &Printer) -> Status {
    match truewheel_repair::needed(file) {
        Ok(names) => {
            printer.needed(&names);
            Status::Done
        }
        Err(error) => {
            printer.error(Some(file), &error);
            Status::Failed
        }
    }
}

fn replace_needed(task: &ReplaceNeededTask, printer: &Printer) -> Status {
    let ReplaceNeededTask { file, output, changes } = task;
    match truewheel_repair::replace_needed(file, output, changes) {
        Ok(notes) => {
            printer.replaced(output, &notes);
            Status::Done
        }
        Err(error) => {
            printer.error(Some(file), &error);
            Status::Failed
        }
    }
}

/// Looks at every file, prints what was found, and tells what could not be read.
fn look<T>(
    task: &LookTask,
    printer: &Printer,
    read: impl Fn(&Path, &Options) -> Result<T, Error>,
    print: impl FnOnce(&[T]) -> Vec<Vec<Unmatched>>,
) -> Status {
    let mut found = Vec::new();
    for Job { file, options } in &task.jobs {
        match read(file, options) {
            Ok(value) => found.push(value),
            Err(error) => printer.error(Some(file), &error),
        }
    }
    let unmatched = print(&found);
    if found.len() < task.jobs.len() {
        return Status::Failed;
    }
    printer.unmatched(unmatched.iter().map(Vec::as_slice));
    Status::Done
}

fn dry_run(task: &RepairTask, printer: &Printer) -> Status {
    let mut plans: Vec<Plan> = Vec::new();
    for Job { file: wheel, options } in &task.jobs {
        match truewheel_repair::plan(wheel, options) {
            Ok(plan) => plans.push(plan),
            Err(error) => printer.error(Some(wheel), &error),
        }
    }
    printer.plans(task.jobs.len(), &plans, task.json);
    if plans.len() < task.jobs.len() {
        return Status::Failed;
    }
    printer.unmatched(plans.iter().map(|plan| plan.unmatched.as_slice()));
    Status::Done
}

/// All wheels or none; a directory made for them does not stay without them.
fn repair(task: &RepairTask, voice: Voice, printer: &Printer) -> Status {
    let outputs: BTreeSet<&Path> = task.jobs.iter().map(|job| &*job.options.output).collect();
    let made: Vec<&Path> = outputs.into_iter().filter(|output| !output.exists()).collect();
    let status = repair_all(task, voice, printer);
    if status != Status::Done {
        for output in made {
            // Only an empty directory can be removed so, and that it is there already does no harm.
            let _ = std::fs::remove_dir(output);
        }
    }
    status
}

/// Takes over what the wheels bring along; the file is whole or as it was.
fn update_lock(mut lock: Lock, reports: &[Report], printer: &Printer) -> Status {
    for report in reports {
        if let Err(error) = lock.update(&report.output) {
            printer.error(Some(&report.output), &error);
            return Status::Failed;
        }
    }
    let written = crate::config::lock_text(&lock).map_err(std::io::Error::other).and_then(|text| {
        let made = lock.path.with_extension("lock.part");
        std::fs::write(&made, text)?;
        std::fs::rename(&made, &lock.path)
    });
    match written {
        Ok(()) => Status::Done,
        Err(error) => {
            printer.error(None, &Error::of_file(&lock.path, error));
            Status::Failed
        }
    }
}

/// A wheel that is repaired in its place and gets another name is not left under the old one.
fn remove_input(job: &Job<Options>, report: &Report, printer: &Printer) {
    let is_renamed = job.file.file_name() != report.output.file_name();
    if job.options.in_place
        && is_renamed
        && let Err(error) = std::fs::remove_file(&job.file)
    {
        printer.warning(&format!("{} cannot be removed: {error}", job.file.display()));
    }
}

/// Names are given when every wheel has been written and verified.
fn repair_all(task: &RepairTask, voice: Voice, printer: &Printer) -> Status {
    let progress = Progress::new(task.jobs.len(), printer);
    let mut prepared: Vec<Prepared> = Vec::new();
    let mut status = Status::Done;
    for Job { file: wheel, options } in &task.jobs {
        progress.at(wheel);
        match truewheel_repair::prepare(wheel, options) {
            Ok(wheel) => prepared.push(wheel),
            Err(error) => {
                status = frontends::status_of(voice, &error);
                progress.suspend(|| printer.error(Some(wheel), &error));
            }
        }
    }
    progress.finish();
    if prepared.len() < task.jobs.len() {
        return status;
    }
    let mut names: BTreeMap<(&Path, String), &Path> = BTreeMap::new();
    for (Job { file: wheel, options }, result) in task.jobs.iter().zip(&prepared) {
        let output = (&*options.output, result.output_name().to_owned());
        if let Some(other) = names.insert(output, wheel) {
            let error = Error::same_output(other, result.output_name());
            printer.error(Some(wheel), &error);
            return Status::Failed;
        }
    }
    match truewheel_repair::persist_all(prepared) {
        Ok(reports) => {
            for (job, report) in task.jobs.iter().zip(&reports) {
                remove_input(job, report, printer);
            }
            printer.reports(task.jobs.len(), &reports, task.json);
            printer.unmatched(reports.iter().map(|report| report.unmatched.as_slice()));
            match &task.update_lock {
                Some(lock) => update_lock(lock.clone(), &reports, printer),
                None => Status::Done,
            }
        }
        Err(stopped) => {
            printer.error(task.jobs.get(stopped.index).map(|job| &*job.file), &stopped.error);
            stopped.left.iter().for_each(|path| printer.is_left(path));
            Status::Failed
        }
    }
}

/// The path of each page is said, as that of each wheel is.
fn manual(directory: &Path, printer: &Printer) -> Status {
    if let Err(error) = std::fs::create_dir_all(directory) {
        printer.cannot_write(directory, &error);
        return Status::Failed;
    }
    for page in cli::manual() {
        let path = directory.join(format!("{}.1", page.name));
        if let Err(error) = std::fs::write(&path, &page.text) {
            printer.cannot_write(&path, &error);
            return Status::Failed;
        }
        printer.text(&format!("{}\n", path.display()));
    }
    Status::Done
}
