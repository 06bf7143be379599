//! Every refusal and its exact words. [`Sandbox::refusal`] also holds that the status is 1, that
//! nothing is left in the output directory, and that the input is as it was.

/// Archives and metadata that are wrong.
mod archive;
/// What the wheel needs and what it promises.
mod content;
