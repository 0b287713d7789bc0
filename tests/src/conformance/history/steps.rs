//! Reading steps: pages, streams, large payloads.

use futures_util::TryStreamExt as _;
use serde_json::json;
use store_core::history::Step;
use store_core::{Error, Order, PageRequest};

use crate::behaviours;
use crate::fixture::History;
use crate::samples::{execution, id, step};

/// Starts `e` with `count` steps.
async fn with_steps(t: &History, count: usize) {
    t.store.start(execution("e")).await.unwrap();
    let steps = (0..count).map(|place| step(json!(place))).collect();
    t.store.append_steps(&id("e"), steps).await.unwrap();
}

/// Walks all pages of `e` and returns the indices of each.
async fn walk(t: &History, first: PageRequest) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.steps(&id("e"), &next).await.unwrap();
        pages.push(page.items.iter().map(|step| step.index).collect());
        request = page.next.map(|cursor| next.after(cursor));
    }
    pages
}

behaviours! {
    emits history_steps_tests from history::steps;

    /// Pages of steps follow each other without gap or overlap, in both orders.
    async fn pages_of_steps_have_no_gap_and_no_overlap(t: &History) {
        with_steps(t, 10).await;
        let pages = walk(t, PageRequest::first(4)).await;
        assert_eq!(pages, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
        let pages = walk(t, PageRequest::first(4).ordered(Order::Desc)).await;
        assert_eq!(pages, [vec![9, 8, 7, 6], vec![5, 4, 3, 2], vec![1, 0]]);
    }

    /// The last page says so, also when it is full.
    async fn the_last_full_page_has_no_next(t: &History) {
        with_steps(t, 8).await;
        assert_eq!(walk(t, PageRequest::first(4)).await.len(), 2);
        assert_eq!(walk(t, PageRequest::first(4).ordered(Order::Desc)).await.len(), 2);
    }

    /// An execution without steps has one empty page, an absent one is `NotFound`.
    async fn no_steps_is_an_empty_page_and_no_execution_is_not_found(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        for order in [Order::Asc, Order::Desc] {
            let request = PageRequest::default().ordered(order);
            let page = t.store.steps(&id("e"), &request).await.unwrap();
            assert!(page.items.is_empty() && page.next.is_none());
            let error = t.store.steps(&id("none"), &request).await.unwrap_err();
            assert!(matches!(error, Error::NotFound { .. }), "{error}");
        }
    }

    /// A cursor continues with what was appended after it was made.
    async fn a_cursor_sees_steps_appended_later(t: &History) {
        with_steps(t, 5).await;
        let page = t.store.steps(&id("e"), &PageRequest::first(4)).await.unwrap();
        t.store.append_step(&id("e"), step(json!(5))).await.unwrap();
        let request = PageRequest::first(4).after(page.next.unwrap());
        let page = t.store.steps(&id("e"), &request).await.unwrap();
        assert_eq!(page.items.iter().map(|step| step.index).collect::<Vec<_>>(), [4, 5]);
        assert!(page.next.is_none());
    }

    /// A page ends at its byte budget, and always holds at least one step.
    async fn a_page_ends_at_its_byte_budget(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let large = "x".repeat(5 * 1024 * 1024);
        for payload in [json!(large), json!(large), json!(1), json!(large), json!("x".repeat(15_000_000))] {
            t.store.append_step(&id("e"), step(payload)).await.unwrap();
        }
        let pages = walk(t, PageRequest::default()).await;
        assert_eq!(pages, [vec![0, 1], vec![2, 3, 4]]);
        let pages = walk(t, PageRequest::default().ordered(Order::Desc)).await;
        assert_eq!(pages, [vec![4], vec![3, 2, 1], vec![0]]);
    }

    /// A payload of 15 MB is stored, fetched and streamed whole.
    async fn a_large_payload_is_kept_whole(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let text: String = (0..15_000_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
        t.store.append_step(&id("e"), step(json!({"text": text}))).await.unwrap();
        let streamed: Vec<Step> = t.store.stream_steps(&id("e")).try_collect().await.unwrap();
        assert_eq!(streamed[0].payload["text"].as_str().unwrap(), text);
        let fetched = t.store.fetch_with_steps(&id("e")).await.unwrap();
        assert_eq!(fetched.steps, streamed);
    }

    /// A stream returns every step by index, over many pages.
    async fn a_stream_returns_every_step_in_order(t: &History) {
        with_steps(t, 1000).await;
        let streamed: Vec<Step> = t.store.stream_steps(&id("e")).try_collect().await.unwrap();
        assert_eq!(streamed.len(), 1000);
        assert!(streamed.iter().enumerate().all(|(place, step)| step.index == place as i64));
    }

    /// A stream of an absent execution is `NotFound`.
    async fn a_stream_of_an_absent_execution_is_not_found(t: &History) {
        let error = t.store.stream_steps(&id("none")).try_next().await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }

    /// A stream that nobody reads holds no connection.
    async fn an_idle_stream_holds_no_connection(t: &History) {
        with_steps(t, 600).await;
        let mut streams = Vec::new();
        // More than any pool of the fixtures has.
        for _ in 0..40 {
            let mut stream = t.store.stream_steps(&id("e"));
            stream.try_next().await.unwrap().unwrap();
            streams.push(stream);
        }
        t.store.append_step(&id("e"), step(json!("last"))).await.unwrap();
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 601);
    }

    /// A walk over steps under concurrent appends returns each step once.
    async fn a_walk_under_appends_returns_each_step_once(t: &History) {
        with_steps(t, 50).await;
        let store = t.store.clone();
        let writer = tokio::spawn(async move {
            for number in 0..100 {
                store.append_step(&id("e"), step(json!(number))).await.unwrap();
            }
        });
        let walked: Vec<i64> = walk(t, PageRequest::first(7)).await.concat();
        assert_eq!(walked, (0..walked.len() as i64).collect::<Vec<_>>());
        assert!(walked.len() >= 50);
        writer.await.unwrap();
    }

    /// An execution with its steps is two queries.
    async fn fetching_with_steps_is_two_queries(t: &History) {
        with_steps(t, 100).await;
        t.store.fetch_with_steps(&id("e")).await.unwrap();
        let before = t.statements();
        let read = t.store.fetch_with_steps(&id("e")).await.unwrap();
        assert_eq!(t.statements() - before, 2);
        assert_eq!(read.steps.len(), 100);
        assert!(read.steps.iter().enumerate().all(|(place, step)| step.index == place as i64));
    }

    /// An execution that is deleted while it is read is there with all its steps, or not at all.
    async fn an_execution_is_read_whole_or_not_at_all(t: &History) {
        let store = t.store.clone();
        let churn = tokio::spawn(async move {
            for _ in 0..30 {
                store.start(execution("e")).await.unwrap();
                let steps = (0..20).map(|place| step(json!(place))).collect();
                store.append_steps(&id("e"), steps).await.unwrap();
                store.delete(&id("e")).await.unwrap();
            }
        });
        while !churn.is_finished() {
            match t.store.fetch_with_steps(&id("e")).await {
                Ok(read) => assert_eq!(read.steps.len() as i64, read.execution.step_count),
                Err(error) => assert!(matches!(error, Error::NotFound { .. }), "{error}"),
            }
        }
        churn.await.unwrap();
    }

    /// A page of steps is one query.
    async fn a_page_of_steps_is_one_query(t: &History) {
        with_steps(t, 100).await;
        t.store.steps(&id("e"), &PageRequest::first(10)).await.unwrap();
        let before = t.statements();
        t.store.steps(&id("e"), &PageRequest::first(10)).await.unwrap();
        assert_eq!(t.statements() - before, 1);
    }
}
