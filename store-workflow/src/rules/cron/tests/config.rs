use store_core::Error;
use store_core::workflow::{CronConfig, Misfire};

use super::super::Schedule;
use super::{at, config, schedule};

#[track_caller]
fn assert_invalid(config: &CronConfig, expected: &str) {
    match Schedule::new(config) {
        Err(Error::Invalid { field, .. }) => assert_eq!(field, expected, "{config:?}"),
        other => panic!("{config:?}: {other:?}"),
    }
}

fn serial(expression: &str) -> CronConfig {
    CronConfig { expression: expression.into(), ..CronConfig::default() }
}

#[test]
fn the_default_is_valid() {
    let schedule = Schedule::new(&CronConfig::default()).unwrap();
    assert_eq!(schedule.first_from(at("2026-01-01T00:30:00Z")), Some(at("2026-01-01T01:00:00Z")));
}

#[test]
fn an_expression_has_five_or_six_fields() {
    for expression in ["* * * * *", " 0 0 * * * * ", "0\t0  * * *", "59 23 31 12 7"] {
        schedule(expression, "UTC");
    }
    for expression in ["", "*", "* * * *", "0 0 0 1 1 * 2030", "* * * * * * * *"] {
        assert_invalid(&config(expression, "UTC"), "cron.expression");
    }
    let longest = format!("{}0 * * * *", "0,".repeat(123));
    schedule(&longest, "UTC");
    assert_invalid(&config(&format!("0,{longest}"), "UTC"), "cron.expression");
}

#[test]
fn forms_that_surprise_are_refused() {
    let refused = [
        "@hourly",
        "@reboot",
        "@daily * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "0/5 * * * *",
        "*/0 * * * *",
        "*/90 * * * *",
        "30-10 * * * *",
        "5-5 * * * *",
        "1,,2 * * * *",
        "*,5 * * * *",
        "-5 * * * *",
        "+5 * * * *",
        "1-2-3 * * * *",
        "*/2/2 * * * *",
        "JAN * * * *",
        "MON * * * *",
        "* * MON * *",
        "* * * MON *",
        "* * * * JAN",
        "* * * * FRI-MON",
        "* * * * SUN-SUN",
        "* * * * MONDAY",
        "* * ? * *",
        "* * 1 * +MON",
        "L * * * *",
        "* * LW * *",
        "* * L-3 * *",
        "* * * * L",
        "* * * * FRI#6",
        "* * * * FRI#0",
        "* * 32W * *",
        "* * 0W * *",
        "* * * * 5W",
        "\u{661} * * * *",
    ];
    for expression in refused {
        assert_invalid(&config(expression, "UTC"), "cron.expression");
    }
}

#[test]
fn an_expression_that_never_fires_is_invalid() {
    for expression in ["0 0 30 2 *", "0 0 31 4 *", "0 0 31W 2,4,6,9,11 *", "0 0 0 30 FEB *"] {
        assert_invalid(&config(expression, "UTC"), "cron.expression");
    }
    schedule("0 0 29 2 *", "UTC");
    schedule("0 0 30 2 MON", "UTC");
}

#[test]
fn a_zone_is_named_when_it_is_unknown() {
    let error = Schedule::new(&config("0 * * * *", "Europe/Atlantis")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cron.timezone is invalid: `Europe/Atlantis` is not the name of an IANA zone"
    );
    for zone in ["", " UTC", "+02:00", &"x".repeat(65)] {
        assert_invalid(&config("0 * * * *", zone), "cron.timezone");
    }
}

#[test]
fn bounds_are_whole_minutes_in_order() {
    let minute = Some(at("2026-01-01T00:00:00Z"));
    let later = Some(at("2026-01-01T00:01:00Z"));
    let second = Some(at("2026-01-01T00:00:01Z"));
    let bounds = |start_at, end_at| CronConfig { start_at, end_at, ..CronConfig::default() };
    assert_invalid(&bounds(second, None), "cron.start_at");
    assert_invalid(&bounds(None, second), "cron.end_at");
    assert_invalid(&bounds(later, minute), "cron.end_at");
    Schedule::new(&bounds(minute, minute)).unwrap();
    Schedule::new(&bounds(minute, later)).unwrap();
}

#[test]
fn bounds_are_inclusive() {
    let (start, end) = (at("2026-01-01T10:00:00Z"), at("2026-01-01T12:00:00Z"));
    let bounded = CronConfig { start_at: Some(start), end_at: Some(end), ..CronConfig::default() };
    let schedule = Schedule::new(&bounded).unwrap();
    assert_eq!(schedule.first_from(at("2020-01-01T00:00:00Z")), Some(start));
    assert_eq!(schedule.next_after(at("2026-01-01T11:59:59.999999Z")), Some(end));
    assert_eq!(schedule.first_from(end), Some(end));
    assert_eq!(schedule.next_after(end), None);
    assert_eq!(schedule.last_to(at("2030-01-01T00:00:00Z")), Some(end));
    assert_eq!(schedule.last_before(start), None);
}

#[test]
fn catching_up_takes_1_to_1000() {
    let catch_up = |max| CronConfig { misfire: Misfire::CatchUp { max }, ..CronConfig::default() };
    for max in [0, 1001, u32::MAX] {
        assert_invalid(&catch_up(max), "cron.misfire");
    }
    Schedule::new(&catch_up(1)).unwrap();
    Schedule::new(&catch_up(Misfire::CATCH_UP_MAX)).unwrap();
}

#[test]
fn without_overlap_occurrences_are_five_minutes_apart() {
    let too_dense = [
        "* * * * *",
        "* * * * * *",
        "*/4 * * * *",
        "0,4 0 1 1 *",
        "1,58 0,23 * * *",
        "30 0,4 12 * * *",
        "*/59 * * * *",
        // Only where 15 January is a Tuesday.
        "0,58 0,23 15 1 MON",
        // Only from New Year's Eve to New Year's Day.
        "0,56 0,23 1,31 1,12 *",
    ];
    for expression in too_dense {
        assert_invalid(&serial(expression), "cron.expression");
        schedule(expression, "UTC");
    }
    for expression in [
        "*/5 * * * *",
        "0 */5 * * * *",
        "58 23 * * *",
        "0,55 0,23 * * *",
        "0,58 0,23 1 * *",
        "0,58 0,23 * * MON",
    ] {
        Schedule::new(&serial(expression)).unwrap();
    }
}

#[test]
fn the_ends_of_time_are_no_error() {
    let hourly = schedule("0 * * * *", "Europe/Berlin");
    let daily = schedule("30 2 * * *", "Pacific/Apia");
    for schedule in [hourly, daily] {
        for far in ["0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"] {
            assert!(schedule.first_from(at(far)).is_some());
            assert!(schedule.last_to(at(far)).is_none_or(|last| last <= at(far)));
        }
        assert_eq!(schedule.next_after(at("9999-12-31T23:59:59.999999Z")), None);
        assert!(schedule.last_to(at("9999-12-31T23:59:59.999999Z")).is_some());
    }
}

#[test]
fn a_day_that_was_left_out_fires_at_its_end() {
    // Samoa went from the 29th to the 31st of December 2011.
    let fixed = schedule("0 9 30 12 *", "Pacific/Apia");
    assert_eq!(fixed.first_from(at("2011-12-01T00:00:00Z")), Some(at("2011-12-30T10:00:00Z")));
    let hourly = schedule("0 * 30 12 *", "Pacific/Apia");
    assert_eq!(hourly.first_from(at("2011-12-01T00:00:00Z")), Some(at("2012-12-29T10:00:00Z")));
    assert_eq!(hourly.last_to(at("2012-01-01T00:00:00Z")), Some(at("2010-12-31T09:00:00Z")));
}
