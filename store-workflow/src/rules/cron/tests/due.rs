use std::time::{Duration, Instant};

use store_core::workflow::{CronConfig, Misfire};

use super::super::{Due, Schedule};
use super::{at, ats, config, with_misfire};

const NOON: &str = "2026-06-01T12:00:00Z";

fn due(fire: &[&str], next: &str) -> Due {
    Due { fire: ats(fire), next: Some(at(next)) }
}

#[test]
fn nothing_is_due_before_its_time() {
    let schedule = with_misfire("0 * * * *", Misfire::FireOnce, false);
    let expected = due(&[], NOON);
    assert_eq!(schedule.due(at(NOON), at("2026-06-01T11:59:59.999999Z")), expected);
    assert_eq!(schedule.due(at(NOON), at("2026-06-01T09:00:00Z")), expected);
}

#[test]
fn an_occurrence_in_time_fires_by_every_policy() {
    for misfire in [Misfire::Skip, Misfire::FireOnce, Misfire::CatchUp { max: 5 }] {
        for allow_overlapping in [false, true] {
            let schedule = with_misfire("0 * * * *", misfire, allow_overlapping);
            let expected = due(&[NOON], "2026-06-01T13:00:00Z");
            for now in [NOON, "2026-06-01T12:00:01Z", "2026-06-01T12:01:00Z"] {
                assert_eq!(schedule.due(at(NOON), at(now)), expected, "{misfire} at {now}");
            }
        }
    }
}

#[test]
fn an_occurrence_is_missed_after_the_grace() {
    let now = at("2026-06-01T12:01:00.000001Z");
    let skip = with_misfire("0 * * * *", Misfire::Skip, false);
    assert_eq!(skip.due(at(NOON), now), due(&[], "2026-06-01T13:00:00Z"));
    let once = with_misfire("0 * * * *", Misfire::FireOnce, false);
    assert_eq!(once.due(at(NOON), now), due(&[NOON], "2026-06-01T13:00:00Z"));
}

#[test]
fn fire_once_fires_the_latest_missed_one_only_if_nothing_else_fires() {
    for allow_overlapping in [false, true] {
        let once = with_misfire("0 * * * *", Misfire::FireOnce, allow_overlapping);
        let late = once.due(at("2026-06-01T03:00:00Z"), at("2026-06-01T12:30:00Z"));
        assert_eq!(late, due(&[NOON], "2026-06-01T13:00:00Z"));
        let in_time = once.due(at("2026-06-01T03:00:00Z"), at("2026-06-01T12:00:30Z"));
        assert_eq!(in_time, due(&[NOON], "2026-06-01T13:00:00Z"));
    }
}

#[test]
fn all_that_are_in_time_fire_when_runs_may_overlap() {
    let fire = ["2026-06-01T11:59:30Z", NOON, "2026-06-01T12:00:30Z"];
    for misfire in [Misfire::Skip, Misfire::FireOnce] {
        let schedule = with_misfire("*/30 * * * * *", misfire, true);
        let found = schedule.due(at("2026-06-01T10:00:00Z"), at("2026-06-01T12:00:30Z"));
        assert_eq!(found, due(&fire, "2026-06-01T12:01:00Z"));
        let found = schedule.due(at(NOON), at("2026-06-01T12:00:30Z"));
        assert_eq!(found, due(&fire[1..], "2026-06-01T12:01:00Z"));
    }
    let every_second = with_misfire("* * * * * *", Misfire::Skip, true);
    assert_eq!(every_second.due(at("2020-01-01T00:00:00Z"), at(NOON)).fire.len(), 61);
}

#[test]
fn catching_up_fires_the_latest_in_order() {
    let three = with_misfire("0 * * * *", Misfire::CatchUp { max: 3 }, true);
    let fire = ["2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z", NOON];
    let next = "2026-06-01T13:00:00Z";
    assert_eq!(three.due(at("2020-01-01T00:00:00Z"), at(NOON)), due(&fire, next));
    assert_eq!(three.due(at("2026-06-01T11:00:00Z"), at(NOON)), due(&fire[1..], next));
}

#[test]
fn catching_up_without_overlap_fires_one_and_keeps_the_rest_due() {
    let three = with_misfire("0 * * * *", Misfire::CatchUp { max: 3 }, false);
    let mut from = at("2020-01-01T00:00:00Z");
    let mut fired = Vec::new();
    loop {
        let found = three.due(from, at(NOON));
        assert!(found.fire.len() <= 1);
        fired.extend(found.fire.iter().copied());
        from = found.next.unwrap();
        if found.fire.is_empty() {
            break;
        }
    }
    assert_eq!(fired, ats(&["2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z", NOON]));
    assert_eq!(from, at("2026-06-01T13:00:00Z"));
}

#[test]
fn a_schedule_that_is_over_has_no_next() {
    let bounds = CronConfig {
        start_at: Some(at("2026-06-01T11:00:00Z")),
        end_at: Some(at(NOON)),
        misfire: Misfire::CatchUp { max: 9 },
        ..config("0 * * * *", "UTC")
    };
    let found =
        Schedule::new(&bounds).unwrap().due(at("2026-06-01T09:00:00Z"), at("2026-06-03T00:00:00Z"));
    assert_eq!(found, Due { fire: ats(&["2026-06-01T11:00:00Z", NOON]), next: None });
}

#[test]
fn a_trigger_that_is_years_behind_is_decided_at_once() {
    let begin = Instant::now();
    let (from, now) = (at("1990-01-01T00:00:00Z"), at("2026-10-25T01:10:00Z"));
    // The hour field of the second is fixed; both end within the repeated hour.
    for expression in ["* * * * * *", "* * 2 * * *"] {
        let max = Misfire::CATCH_UP_MAX;
        for misfire in [Misfire::Skip, Misfire::FireOnce, Misfire::CatchUp { max }] {
            let config = CronConfig { misfire, ..config(expression, "Europe/Berlin") };
            let found = Schedule::new(&config).unwrap().due(from, now);
            assert!(found.fire.is_sorted() && found.fire.len() <= max as usize);
            assert!(found.next.unwrap() > now);
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
}
