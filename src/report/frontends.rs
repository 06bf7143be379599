//! What truewheel says where an older tool was asked for: what other programs read is as that tool prints
//! it, on the same stream. All else is one line, marked as truewheel's.

mod auditwheel;
mod delocate;
mod delvewheel;

pub(crate) use delocate::ListShape;
