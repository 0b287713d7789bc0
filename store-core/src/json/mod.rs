//! One JSON policy for both backends: the verdict falls before a connection is taken.

mod contains;
mod policy;

pub use contains::contains;
pub use policy::{Admitted, JsonPolicy, NulPolicy};
