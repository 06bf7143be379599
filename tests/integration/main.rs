//! truewheel from outside: the built program on small wheels, and the house rules of its sources.
//!
//! One binary, so that it is linked once. Nothing here needs the network, and nothing of this machine
//! decides a result;a test that must be skipped says so on standard error.

mod support;

/// The crate graph and the house rules of ARCHITECTURE.md, as tests.
mod architecture;
/// Whole repairs of wheels for Linux.
mod linux;
