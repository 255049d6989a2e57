//! Policy: which tool calls run, ask a person, or are refused.
//!
//! Everything here is a function of its arguments: no clock, no file, no network. The same rules
//! and the same call give the same verdict on every worker and at every attempt.
//!
//! | module | holds |
//! | --- | --- |
//! | [`evaluator`] | the rules of all sources, compiled once; a verdict for each call |
//! | [`condition`] | one condition in CEL: what it may say, and its evaluation |
//! | [`remembered`] | decisions that hold for calls to come |
//! | [`simple`] | rules that name tools alone |
//! | [`check`] | what is wrong with a rule before it ever judges a call |
//! | `facts` | a call as conditions see it |
//! | `terms` | the strictest of several rules that ask |
//! | `sample` | arguments that fit a tool's schema, made up |

pub mod check;
pub mod condition;
pub mod evaluator;
mod facts;
pub mod remembered;
mod sample;
pub mod simple;
mod terms;

#[cfg(test)]
mod testing;
