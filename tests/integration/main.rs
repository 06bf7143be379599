//! truewheel from outside: the built program on small wheels, and the house rules of its sources.
//!
//! One binary, so that it is linked once. Nothing here needs the network, and nothing of this machine
//! decides a result; the tests of [`live`] and [`oracle`] say on standard error when they are skipped.

mod support;

/// The crate graph and the house rules of ARCHITECTURE.md, as tests.
mod architecture;
/// Verdicts on finished wheels: each finding, what silences it, and its JSON.
mod check;
/// What the repair step of cibuildwheel asks.
mod cibuildwheel;
/// Help, exit statuses, standard output against standard error.
mod cli;
/// Files of settings, and what is in force.
mod config;
/// The model of dyld that repaired wheels are held against can say no.
mod dyld;
/// The command lines of older tools.
mod frontends;
/// Bytes that somebody made up: no panic, and never half a wheel.
mod hostile;
/// Whole repairs of wheels for Linux.
mod linux;
/// What the loader of this machine thinks of repaired wheels; needs gcc and python3.
mod live;
/// The lock of what wheels bring along.
mod lock;
/// Whole repairs of wheels for macOS.
mod macos;
/// One wheel for both kinds of Mac out of two.
mod merge;
mod needed;
/// Against auditwheel, where it is installed.
mod oracle;
/// What the Python package says.
mod packaging;
mod provided_by;
/// RECORD after every kind of repair.
mod record;
/// Every refusal and its exact words.
mod refusals;
/// One test for each bug, named for what went wrong.
mod regression;
/// Where the tools before this one are silently wrong.
mod regression_silent;
/// Same input, same bytes; repaired twice, unchanged.
mod reproducible;
/// The list of what was brought along, and the packages it names.
mod sbom;
/// What is printed as JSON, against the files in `schemas/`.
mod schemas;
/// Completions and the manual.
mod shell;
/// What `show` says.
mod show;
/// Libraries that installed Python packages bring.
mod site_packages;
/// What `tree` draws.
mod tree;
/// Whole repairs of wheels for Windows.
mod windows;
