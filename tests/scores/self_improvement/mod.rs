//! The loop of self-improvement on a model small enough to check every weight.

mod guards;
mod lessons;
mod safety;
mod toy;
mod use_of_it;
