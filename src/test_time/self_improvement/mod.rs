//! The loop of test-time self-improvement.
