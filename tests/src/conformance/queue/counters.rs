//! Named counters: what they count, and how they are listed.

use store_core::queue::Counter;
use store_core::{Order, PageRequest};

use crate::behaviours;
use crate::conformance::workflow::assert_invalid;
use crate::fixture::{Workflows, noon};
use crate::samples::time;

async fn add(t: &Workflows, name: &str, by: i64) -> i64 {
    t.store.increment_counter(name, by).await.unwrap()
}

/// The names of the counters that begin with a prefix.
async fn listed(t: &Workflows, prefix: &str) -> Vec<String> {
    let page = t.store.list_counters(prefix, &PageRequest::default()).await.unwrap();
    assert_eq!(page.next, None);
    page.items.into_iter().map(|counter| counter.name).collect()
}

behaviours! {
    emits queue_counters_tests from queue::counters;

    /// A new counter begins at zero, and each call returns where it stands.
    async fn a_counter_begins_at_zero_and_adds_up(t: &Workflows) {
        assert_eq!(t.store.counter("späße 🎉").await.unwrap(), 0);
        assert_eq!(add(t, "späße 🎉", 7).await, 7);
        assert_eq!(add(t, "späße 🎉", -10).await, -3);
        assert_eq!(add(t, "späße 🎉", 0).await, -3);
        let other = t.reopened().await;
        assert_eq!(other.counter("späße 🎉").await.unwrap(), -3);
        assert_eq!(other.increment_counter("späße 🎉", 3).await.unwrap(), 0);
        assert_eq!(add(t, "below", -5).await, -5);
        assert_eq!(add(t, "nothing", 0).await, 0);
    }

    /// A counter is listed with where it stands and when it last changed.
    async fn a_counter_is_listed_with_its_last_change(t: &Workflows) {
        add(t, "a", 1).await;
        t.clock.set(time("12:00:30"));
        add(t, "b", 2).await;
        add(t, "b", 3).await;
        let page = t.store.list_counters("", &PageRequest::default()).await.unwrap();
        let expected = [
            Counter { name: "a".into(), value: 1, updated_at: noon() },
            Counter { name: "b".into(), value: 5, updated_at: time("12:00:30") },
        ];
        assert_eq!(page.items, expected);
        t.clock.set(time("12:01:00"));
        add(t, "a", 1).await;
        let page = t.store.list_counters("a", &PageRequest::default()).await.unwrap();
        let expected = Counter { name: "a".into(), value: 2, updated_at: time("12:01:00") };
        assert_eq!(page.items, [expected]);
    }

    /// Reading a counter nobody counted leaves nothing behind.
    async fn reading_a_counter_makes_none(t: &Workflows) {
        for name in ["never", "", "a\0b", &"x".repeat(256)] {
            assert_eq!(t.store.counter(name).await.unwrap(), 0);
        }
        assert_eq!(listed(t, "").await, [""; 0]);
    }

    /// Names are compared byte by byte.
    async fn counters_of_different_names_are_apart(t: &Workflows) {
        for (name, by) in [("a", 1), ("A", 2), ("ä", 4), ("a_", 8), ("a%", 16)] {
            assert_eq!(add(t, name, by).await, by, "{name}");
        }
    }

    /// 32 calls at once on two handles all count, and each one sees another sum.
    async fn concurrent_increments_all_count(t: &Workflows) {
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let mut sums = Vec::new();
                for _ in 0..4 {
                    sums.push(store.increment_counter("hot", 3).await.unwrap());
                }
                sums
            }));
        }
        let mut sums = Vec::new();
        for task in tasks {
            sums.extend(task.await.unwrap());
        }
        sums.sort_unstable();
        let expected: Vec<i64> = (1..=128).map(|number| number * 3).collect();
        assert_eq!(sums, expected);
        assert_eq!(t.store.counter("hot").await.unwrap(), 384);
    }

    /// A counter goes to both ends of 64 bits and back.
    async fn a_counter_has_64_bits(t: &Workflows) {
        assert_eq!(add(t, "top", i64::MAX).await, i64::MAX);
        assert_eq!(add(t, "bottom", i64::MIN).await, i64::MIN);
        assert_eq!(t.store.counter("top").await.unwrap(), i64::MAX);
        assert_eq!(t.store.counter("bottom").await.unwrap(), i64::MIN);
        assert_eq!(add(t, "top", i64::MIN).await, -1);
        assert_eq!(add(t, "bottom", i64::MAX).await, -1);
        assert_eq!(add(t, "top", i64::MIN + 1).await, i64::MIN);
    }

    /// A sum outside 64 bits is `Invalid` and changes nothing.
    async fn a_sum_outside_64_bits_changes_nothing(t: &Workflows) {
        let cases = [
            (i64::MAX, 1),
            (i64::MAX, i64::MAX),
            (1, i64::MAX),
            (i64::MIN, -1),
            (i64::MIN, i64::MIN),
            (-1, i64::MIN),
        ];
        for (number, (value, by)) in cases.into_iter().enumerate() {
            let name = format!("counter {number}");
            t.clock.set(noon());
            add(t, &name, value).await;
            t.clock.set(time("12:00:30"));
            assert_invalid(t.store.increment_counter(&name, by).await, "by");
            let page = t.store.list_counters(&name, &PageRequest::default()).await.unwrap();
            assert_eq!(page.items, [Counter { name, value, updated_at: noon() }]);
        }
    }

    /// A prefix is taken as it is: no character of it has a meaning.
    async fn a_prefix_is_taken_literally(t: &Workflows) {
        for name in ["a%", "a%b", "a_", "a_b", "ab", "abc", "a", "b", "%", "_", "a*", "a\\b"] {
            add(t, name, 1).await;
        }
        assert_eq!(listed(t, "a%").await, ["a%", "a%b"]);
        assert_eq!(listed(t, "a_").await, ["a_", "a_b"]);
        assert_eq!(listed(t, "%").await, ["%"]);
        assert_eq!(listed(t, "_").await, ["_"]);
        assert_eq!(listed(t, "a\\").await, ["a\\b"]);
        assert_eq!(listed(t, "ab").await, ["ab", "abc"]);
        assert_eq!(listed(t, "abc").await, ["abc"]);
        assert_eq!(listed(t, "abcd").await, [""; 0]);
        assert_eq!(listed(t, "A").await, [""; 0]);
        assert_eq!(listed(t, "").await.len(), 12);
    }

    /// Names are listed by their bytes, and prefixes end at characters outside ASCII too.
    async fn prefixes_and_order_go_by_bytes(t: &Workflows) {
        let mut names =
            ["ä", "äb", "å", "b", "B", "z", "é", "日本", "日本語", "日", "🎉", "\u{10ffff}x", "\u{d7ff}a"];
        for name in names {
            add(t, name, 1).await;
        }
        names.sort_unstable();
        assert_eq!(listed(t, "").await, names);
        assert_eq!(listed(t, "ä").await, ["ä", "äb"]);
        assert_eq!(listed(t, "日").await, ["日", "日本", "日本語"]);
        assert_eq!(listed(t, "日本語").await, ["日本語"]);
        assert_eq!(listed(t, "🎉").await, ["🎉"]);
        assert_eq!(listed(t, "\u{d7ff}").await, ["\u{d7ff}a"]);
        assert_eq!(listed(t, "\u{10ffff}").await, ["\u{10ffff}x"]);
        assert_eq!(listed(t, "\u{10ffff}\u{10ffff}").await, [""; 0]);
    }

    /// Pages follow each other within the prefix, in either direction.
    async fn counters_are_listed_in_pages(t: &Workflows) {
        for name in ["a", "p.0", "p.1", "p.2", "p.3", "p.4", "q"] {
            add(t, name, 1).await;
        }
        for (order, expected) in [
            (Order::Asc, ["p.0", "p.1", "p.2", "p.3", "p.4"]),
            (Order::Desc, ["p.4", "p.3", "p.2", "p.1", "p.0"]),
        ] {
            let mut names = Vec::new();
            let mut sizes = Vec::new();
            let mut request = PageRequest::first(2).ordered(order);
            loop {
                let page = t.store.list_counters("p.", &request).await.unwrap();
                sizes.push(page.items.len());
                names.extend(page.items.into_iter().map(|counter| counter.name));
                let Some(next) = page.next else { break };
                request = PageRequest::first(2).ordered(order).after(next);
            }
            assert_eq!(names, expected);
            assert_eq!(sizes, [2, 2, 1]);
        }
        let full = t.store.list_counters("p.", &PageRequest::first(5)).await.unwrap();
        assert_eq!((full.items.len(), full.next), (5, None));
    }

    /// A cursor belongs to its prefix.
    async fn a_cursor_of_counters_belongs_to_its_prefix(t: &Workflows) {
        for name in ["p.0", "p.1"] {
            add(t, name, 1).await;
        }
        let page = t.store.list_counters("p.", &PageRequest::first(1)).await.unwrap();
        let after = PageRequest::first(1).after(page.next.unwrap());
        assert_invalid(t.store.list_counters("p", &after).await, "after");
        assert_invalid(t.store.list_workers(None, &after).await, "after");
        for limit in [0, 1001] {
            assert_invalid(t.store.list_counters("p.", &PageRequest::first(limit)).await, "limit");
        }
        assert_eq!(t.store.list_counters("p.", &after).await.unwrap().items[0].name, "p.1");
    }

    /// Names have 1 to 255 bytes, prefixes up to 255.
    async fn names_and_prefixes_are_checked(t: &Workflows) {
        let (long, longer) = ("x".repeat(255), "x".repeat(256));
        for name in ["", "a\0b", &longer] {
            assert_invalid(t.store.increment_counter(name, 1).await, "name");
        }
        for prefix in ["a\0b", &longer] {
            let page = t.store.list_counters(prefix, &PageRequest::default()).await;
            assert_invalid(page, "prefix");
        }
        assert_eq!(listed(t, "").await, [""; 0]);
        add(t, &long, 1).await;
        assert_eq!(listed(t, &long).await, [long]);
    }

    /// Counters of another database are not seen.
    async fn counters_of_another_database_are_not_seen(t: &Workflows) {
        let other = t.other().await;
        other.increment_counter("a", 5).await.unwrap();
        assert_eq!(t.store.counter("a").await.unwrap(), 0);
        assert_eq!(listed(t, "").await, [""; 0]);
        assert_eq!(add(t, "a", 1).await, 1);
        assert_eq!(other.counter("a").await.unwrap(), 5);
    }
}
