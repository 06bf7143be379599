//! Whole repairs of wheels for Linux.

/// Wheels for Android.
mod android;
/// When two libraries are one, and what each is called.
mod identity;
/// Libraries that nothing needs by name and that come along all the same.
mod include;
/// A model of ld.so.
mod ld_so;
/// What is left out of the wheel, and what only force brings in.
mod left_out;
/// Libraries of the wheel that are links or copies of each other.
mod links;
/// What each loader searches, and in which order.
mod loaders;
/// Where things lie in the repaired wheel, and what they are called.
mod places;
/// Programs that are installed outside site-packages.
mod programs;
/// Random libraries, before and after the repair.
mod random_graphs;
/// Which library a needed name leads to.
mod search;
/// What only debuggers read, and is taken out on request.
mod strip;
/// Which platform tags the result has.
mod tags;
/// Other machines and other C libraries than those of this one.
mod targets;
