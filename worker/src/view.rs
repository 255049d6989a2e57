//! What a run looks like in text: pure functions from contract types to lines.
//!
//! | module | shows |
//! | --- | --- |
//! | [`words`] | durations, sizes, counts; text that is safe to print |
//! | [`steps`] | the log of a run, a line for each step, as it happens |
//! | [`tree`] | the log of a run as a tree, afterwards |
//! | [`pulse`] | what a run is busy with between two steps |
//! | [`gate`] | a call that waits for a person |
//! | [`run`] | a run's status, lists of runs, transcripts |

pub mod gate;
pub mod pulse;
pub mod run;
pub mod steps;
pub mod tree;
pub mod words;
