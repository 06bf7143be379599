//! Whole repairs of wheels for Linux.

/// Which library a needed name leads to.
mod search;
