//! What goes wrong at a service: its fault rules in their order, then its spells.

use crate::fakes::fault;
use crate::fakes::fault::{Call, Fault, FaultRule};
use crate::fakes::spell::{Spell, SpellConfig};
use crate::rng::Seed;

/// The troubles of a service.
#[derive(Debug)]
pub(super) struct Troubles {
    rules: Vec<FaultRule>,
    spells: Vec<Spell>,
    seed: Seed,
    stream: &'static str,
}

impl Troubles {
    /// These rules and spells; `stream` names the service.
    pub(super) fn new(
        rules: &[FaultRule],
        spells: &[SpellConfig],
        seed: Seed,
        stream: &'static str,
    ) -> Self {
        let spells = spells.iter().cloned().enumerate();
        let spells =
            spells.map(|(index, config)| Spell::new(config, seed, stream, index)).collect();
        Self { rules: rules.to_vec(), spells, seed, stream }
    }

    /// The fault that strikes this call, if any, with its name.
    pub(super) fn strike(&mut self, call: Call<'_>) -> Option<(String, Fault)> {
        fault::strike(&self.rules, call, self.seed, self.stream).or_else(|| {
            self.spells.iter_mut().find_map(|spell| {
                let fault = spell.strike(call)?;
                Some((spell.label(), fault))
            })
        })
    }
}
