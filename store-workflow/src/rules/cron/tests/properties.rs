use proptest::prelude::*;
use proptest::sample::select;
use store_core::Timestamp;
use store_core::workflow::{CronConfig, Misfire};

use super::super::Schedule;

/// Zones with unlike clock changes: by 30 minutes, by two hours, at midnight, in Ramadan, never.
const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
];

fn field(low: u8, high: u8) -> BoxedStrategy<String> {
    let ordered = (low..high).prop_flat_map(move |first| (Just(first), first + 1..=high));
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (low..=high).prop_map(|value| value.to_string()),
        1 => (1..=high).prop_map(|step| format!("*/{step}")),
        1 => (ordered, 1..=high).prop_map(|((a, b), step)| format!("{a}-{b}/{step}")),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{a},{b}")),
    ]
    .boxed()
}

fn expression() -> impl Strategy<Value = String> {
    let day = prop_oneof![4 => field(1, 28), 1 => Just("L".into()), 1 => Just("15W".into())];
    let weekday = prop_oneof![4 => field(0, 7), 1 => Just("FRI#2".into()), 1 => Just("0L".into())];
    let second = prop_oneof![Just(String::new()), field(0, 59)];
    // The hours in which clocks are changed, more often than others.
    let hour = prop_oneof![field(0, 23), field(0, 3)];
    (second, field(0, 59), hour, day, field(1, 12), weekday)
        .prop_map(|(s, m, h, d, month, w)| format!("{s} {m} {h} {d} {month} {w}"))
}

fn misfire() -> impl Strategy<Value = Misfire> {
    prop_oneof![
        Just(Misfire::Skip),
        Just(Misfire::FireOnce),
        (1..20_u32).prop_map(|max| Misfire::CatchUp { max }),
    ]
}

/// A schedule, without overlap where its rules allow that.
fn schedule() -> impl Strategy<Value = Schedule> {
    (expression(), select(ZONES), any::<bool>(), misfire()).prop_map(
        |(expression, timezone, allow_overlapping, misfire)| {
            let config = CronConfig {
                expression,
                timezone: timezone.into(),
                allow_overlapping,
                misfire,
                ..CronConfig::default()
            };
            let lenient = CronConfig { allow_overlapping: true, ..config.clone() };
            Schedule::new(&config).or_else(|_dense| Schedule::new(&lenient)).unwrap()
        },
    )
}

/// Any instant of 2010 to 2029; often not a whole second.
fn instant() -> impl Strategy<Value = Timestamp> {
    let seconds = 1_262_304_000..1_893_456_000_i64;
    (seconds, prop_oneof![Just(0), 0..1_000_000_i64])
        .prop_map(|(seconds, micros)| Timestamp::from_micros(seconds * 1_000_000 + micros).unwrap())
}

proptest! {
    #[test]
    fn occurrences_follow_each_other(schedule in schedule(), from in instant()) {
        let first = schedule.first_from(from).unwrap();
        prop_assert!(first >= from);
        let mut last = first;
        for _step in 0..50 {
            let next = schedule.next_after(last).unwrap();
            prop_assert!(next > last);
            prop_assert_eq!(schedule.first_from(next), Some(next));
            prop_assert_eq!(schedule.last_to(next), Some(next));
            prop_assert_eq!(schedule.last_before(next), Some(last));
            last = next;
        }
        if first > from {
            prop_assert_eq!(schedule.next_after(from), Some(first));
        }
    }

    #[test]
    fn what_is_due_is_consumed(schedule in schedule(), from in instant(), now in instant()) {
        let found = schedule.due(from, now);
        prop_assert!(found.fire.is_sorted());
        prop_assert!(found.fire.iter().all(|at| (from..=now).contains(at)));
        prop_assert!(found.fire.iter().all(|at| schedule.first_from(*at) == Some(*at)));
        prop_assert!(schedule.allow_overlapping || found.fire.len() <= 1);
        if let (Some(last), Some(next)) = (found.fire.last(), found.next) {
            prop_assert!(next > *last);
        }
        let keeps_some = matches!(schedule.misfire, Misfire::CatchUp { .. });
        if schedule.allow_overlapping || !keeps_some {
            let next = schedule.next_after(now);
            prop_assert_eq!(found.next, if from > now { schedule.first_from(from) } else { next });
        }
    }
}
