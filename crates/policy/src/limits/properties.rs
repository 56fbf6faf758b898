//! What holds for every configuration, wish and fact.

use super::*;
use crate::config::{Limits, Model, Over, TokenLimits};
use crate::{Hints, SetBy};
use proptest::option;
use proptest::prelude::*;

fn any_limits() -> impl Strategy<Value = Limits> {
    let tokens = || option::weighted(0.4, 0u64..3000);
    let over = || option::of(prop_oneof![Just(Over::Clamp), Just(Over::Reject)]);
    (tokens(), tokens(), tokens(), over(), over()).prop_map(
        |(min, max, default, over_limit, over_window)| Limits {
            max_tokens: TokenLimits { min, max, default },
            over_limit,
            over_window,
        },
    )
}

#[derive(Clone, Debug)]
struct World {
    config: Config,
    who: Who,
    facts: Facts,
}

fn any_world() -> impl Strategy<Value = World> {
    let facts = (0u64..5000, 1u64..5000, option::of(0u64..3000)).prop_flat_map(
        |(prompt_tokens, context_tokens_max, default)| {
            option::weighted(0.3, 1u64..3000).prop_map(move |budget_left_tokens| Facts {
                prompt_tokens,
                context_tokens_max,
                model_default_tokens: default,
                budget_left_tokens,
                ..Facts::default()
            })
        },
    );
    let limits = (any_limits(), any_limits(), any_limits(), any_limits());
    (limits, facts).prop_map(|((server, route, model, key), facts)| {
        let mut config = Config { limits: server, ..Config::default() };
        config.routes.insert("chat".to_owned(), route);
        config.models.push(Model { id: "m".to_owned(), limits: model, ..Model::default() });
        let mut who = Who { route: "chat".to_owned(), model: "m".to_owned(), ..Who::default() };
        who.key_plan.limits = key;
        World { config, who, facts }
    })
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let length = prop_oneof![Just("short"), Just("medium"), Just("long")];
    (prop::collection::vec(0u64..6000, 0..5), option::of(length), 0u64..4, any::<bool>()).prop_map(
        |(max_tokens, length, choices, can_think)| Wish {
            max_tokens,
            length: length.map(str::to_owned),
            choices,
            hints: Hints { can_think, ..Hints::default() },
            ..Wish::default()
        },
    )
}

fn all_limits(world: &World) -> [Limits; 4] {
    let World { config, who, .. } = world;
    [config.limits, config.routes["chat"], config.models[0].limits, who.key_plan.limits]
}

proptest! {
    #[test]
    fn no_limit_exceeds_any_bound(world in any_world(), wish in any_wish()) {
        let World { config, who, facts } = &world;
        let Ok(plan) = limits(config, &wish, who, facts) else { return Ok(()) };
        let maxes = all_limits(&world).map(|limits| limits.max_tokens.max);
        let budget = facts.budget_left_tokens.map(|left| left / wish.choices.max(1));
        let room = facts.context_tokens_max - facts.prompt_tokens;
        let others = [budget, Some(room)];
        for most in maxes.into_iter().chain(others).flatten() {
            prop_assert!(plan.max_tokens() <= most, "{:?} above {most}", plan.limits);
        }
        prop_assert!(!plan.limits.is_empty());
        prop_assert!(plan.limits.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(plan.views.len(), wish.max_tokens.len().max(1));
        for view in &plan.views {
            prop_assert!(plan.limits.contains(&view.limit));
        }
    }

    #[test]
    fn every_change_has_a_step_that_names_its_rule(world in any_world(), wish in any_wish()) {
        let World { config, who, facts } = &world;
        let Ok(plan) = limits(config, &wish, who, facts) else { return Ok(()) };
        for View { decision, limit, .. } in &plan.views {
            let last = decision.steps.last().expect("a step");
            prop_assert_eq!(decision.tokens(), Some(*limit));
            prop_assert_eq!(&last.value, &decision.effective);
            prop_assert_eq!((last.by, &last.rule), (decision.set_by, &decision.rule));
            for pair in decision.steps.windows(2) {
                prop_assert_ne!(&pair[0].value, &pair[1].value);
            }
            for step in &decision.steps {
                prop_assert_eq!(step.rule.is_none(), step.by == SetBy::Request);
            }
            prop_assert_eq!(decision.steps[0].by == SetBy::Request, !wish.max_tokens.is_empty());
        }
    }

    #[test]
    fn asking_for_more_never_yields_less(
        world in any_world(), wish in any_wish(), less in 0u64..6000, more in 0u64..6000,
    ) {
        let World { config, who, facts } = &world;
        let ask = |tokens| {
            let wish = Wish { max_tokens: vec![tokens], ..wish.clone() };
            limits(config, &wish, who, facts).ok().map(|plan| plan.max_tokens())
        };
        let (less, more) = (less.min(more), less.max(more));
        if let (Some(less), Some(more)) = (ask(less), ask(more)) {
            prop_assert!(less <= more);
        }
    }

    #[test]
    fn where_everybody_rejects_a_number_is_granted_as_asked_or_refused(
        world in any_world(), asked in 0u64..6000,
    ) {
        let World { mut config, mut who, facts } = world;
        let reject = |limits: &mut Limits| limits.over_limit = Some(Over::Reject);
        reject(&mut config.limits);
        reject(config.routes.get_mut("chat").expect("there"));
        reject(&mut config.models[0].limits);
        reject(&mut who.key_plan.limits);
        let facts = Facts { budget_left_tokens: None, ..facts };
        for limits in [&mut config.limits, &mut config.models[0].limits, &mut who.key_plan.limits] {
            limits.over_window = Some(Over::Reject);
        }
        config.routes.get_mut("chat").expect("there").over_window = None;
        let wish = Wish { max_tokens: vec![asked], ..Wish::default() };
        match limits(&config, &wish, &who, &facts) {
            Ok(plan) => prop_assert_eq!(plan.max_tokens(), asked),
            Err(refusal) => prop_assert_eq!(refusal.status, 400),
        }
    }

    #[test]
    fn a_list_gives_what_each_number_would_give_alone(world in any_world(), wish in any_wish()) {
        let World { config, who, facts } = &world;
        let alone: Vec<Option<u64>> = wish.max_tokens.iter().map(|&tokens| {
            let wish = Wish { max_tokens: vec![tokens], ..wish.clone() };
            limits(config, &wish, who, facts).ok().map(|plan| plan.max_tokens())
        }).collect();
        match limits(config, &wish, who, facts) {
            Ok(plan) if !wish.max_tokens.is_empty() => {
                let together: Vec<_> = plan.views.iter().map(|view| Some(view.limit)).collect();
                prop_assert_eq!(together, alone);
            }
            Ok(_) => {}
            Err(_) => prop_assert!(alone.is_empty() || alone.contains(&None)),
        }
    }
}
