//! Gates by name, with their options.

use serde::{Deserialize, Serialize};

use super::options::{Value, words};
use crate::event::Field;
use crate::event::age::AgeLimit;
use crate::event::gate::{Gate, Measure};
use crate::route::{RoutingTable, Treatment};

/// A gate: its name in the configuration, and its options.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Described {
    #[default]
    All,
    ZeroSignal {
        #[serde(default)]
        by: Measure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<f32>,
    },
    Advantages {
        least: u32,
    },
    Rollouts {
        least: u32,
    },
    Band {
        low: Value,
        high: Value,
    },
    Stale {
        most: AgeLimit,
        #[serde(default = "teaches")]
        teaches: bool,
    },
    Route {
        by: Field,
        edges: Vec<Value>,
        treatments: Vec<Treatment>,
    },
    Every(Vec<Described>),
    Arms(Vec<Described>),
}

fn teaches() -> bool {
    true
}

words! { Described }

impl Described {
    /// The gate that is described. Its options are checked when the curriculum is built.
    pub fn build(&self) -> Gate {
        let all = |gates: &[Self]| gates.iter().map(Self::build).collect();
        match self {
            Self::All => Gate::All,
            Self::ZeroSignal { by, tolerance: None } => Gate::zero_signal_by(*by),
            Self::ZeroSignal { by, tolerance: Some(tolerance) } => {
                Gate::ZeroSignal { by: *by, tolerance: *tolerance }
            }
            Self::Advantages { least } => Gate::Advantages { least: *least },
            Self::Rollouts { least } => Gate::Rollouts { least: *least },
            Self::Band { low, high } => Gate::band(*low, *high),
            Self::Stale { most, teaches } => Gate::Stale { most: *most, teaches: *teaches },
            Self::Route { by, edges, treatments } => {
                Gate::route(*by, RoutingTable::unchecked(edges.clone(), treatments.clone()))
            }
            Self::Every(gates) => Gate::Every(all(gates)),
            Self::Arms(gates) => Gate::Arms(all(gates)),
        }
    }
}
