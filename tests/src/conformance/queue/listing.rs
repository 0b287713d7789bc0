//! Listing jobs: filters, order, pages.

use serde_json::json;
use store_core::queue::{Job, JobFilter, JobState, NewJob};
use store_core::{JobId, Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    FINISHED, UNFINISHED, enqueued, enqueued_all, job, job_in, job_of, job_of_run, pending,
    runnable,
};

fn none() -> JobFilter {
    JobFilter::default()
}

fn of_states(states: &[JobState]) -> JobFilter {
    JobFilter { states: states.to_vec(), ..none() }
}

fn of_queue(queue: &str) -> JobFilter {
    JobFilter { queue: Some(queue.to_owned()), ..none() }
}

fn of_kind(kind: &str) -> JobFilter {
    JobFilter { kind: Some(kind.to_owned()), ..none() }
}

fn of_tag(tag: &str) -> JobFilter {
    JobFilter { tag: Some(tag.to_owned()), ..none() }
}

async fn page(t: &Workflows, filter: &JobFilter, request: &PageRequest) -> Vec<Job> {
    t.store.list_jobs(filter, request).await.unwrap().items
}

async fn listed(t: &Workflows, filter: JobFilter) -> Vec<JobId> {
    page(t, &filter, &PageRequest::default()).await.into_iter().map(|job| job.id).collect()
}

/// Walks all pages of a listing.
async fn walk(t: &Workflows, filter: &JobFilter, first: PageRequest) -> Vec<JobId> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list_jobs(filter, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.iter().map(|job| job.id));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// A job in each state, each in a queue of the state's name.
async fn one_in_each_state(t: &Workflows) -> Vec<Job> {
    let mut jobs = Vec::new();
    for state in JobState::ALL {
        jobs.push(job_in(t, job_of(state.as_str(), "k"), *state).await);
    }
    jobs
}

behaviours! {
    emits queue_listing_tests from queue::listing;

    /// Without a filter the unfinished jobs are listed, by creation, whole.
    async fn without_a_filter_the_unfinished_jobs_are_listed(t: &Workflows) {
        assert!(listed(t, none()).await.is_empty());
        let jobs = one_in_each_state(t).await;
        let items = page(t, &none(), &PageRequest::default()).await;
        assert_eq!(items, jobs[..4]);
    }

    /// Each state is listed by itself, and those that are finished or not together.
    async fn jobs_are_listed_by_state(t: &Workflows) {
        let jobs = one_in_each_state(t).await;
        for job in &jobs {
            let items = page(t, &of_states(&[job.state]), &PageRequest::default()).await;
            assert_eq!(items, std::slice::from_ref(job));
            // A state that is named twice counts once.
            assert_eq!(listed(t, of_states(&[job.state, job.state])).await, [job.id]);
        }
        let default = PageRequest::default();
        assert_eq!(page(t, &of_states(&UNFINISHED), &default).await, jobs[..4]);
        assert_eq!(page(t, &of_states(&FINISHED), &default).await, jobs[4..]);
        let some = of_states(&[JobState::Cancelled, JobState::Succeeded]);
        assert_eq!(listed(t, some).await, [jobs[4].id, jobs[6].id]);
    }

    /// Finished and unfinished states cannot be mixed.
    async fn finished_and_unfinished_states_cannot_be_mixed(t: &Workflows) {
        for finished in FINISHED {
            for unfinished in UNFINISHED {
                for states in [[finished, unfinished], [unfinished, finished]] {
                    let request = PageRequest::default();
                    let answer = t.store.list_jobs(&of_states(&states), &request).await;
                    assert_invalid(answer, "states");
                }
            }
        }
    }

    /// Each part of a filter holds by itself, and all parts together.
    async fn jobs_are_filtered_by_each_part_and_all(t: &Workflows) {
        let new = |queue: &str, kind: &str, tags: &[&str]| NewJob {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..job_of(queue, kind)
        };
        let jobs = [
            new("a", "x", &["red", "it's \"all\""]),
            new("b", "x", &["it's \"all\""]),
            new("a", "y", &["it's \"all\"", "dark red"]),
            new("A", "X", &[]),
        ];
        let ids = jobs.each_ref().map(|job| job.id);
        for job in jobs {
            enqueued(t, job).await;
        }
        assert_eq!(listed(t, of_queue("a")).await, [ids[0], ids[2]]);
        assert_eq!(listed(t, of_queue("A")).await, [ids[3]]);
        assert!(listed(t, of_queue("unknown")).await.is_empty());
        assert_eq!(listed(t, of_kind("x")).await, [ids[0], ids[1]]);
        assert_eq!(listed(t, of_tag("it's \"all\"")).await, ids[..3]);
        assert_eq!(listed(t, of_tag("red")).await, [ids[0]]);
        assert!(listed(t, of_tag("all")).await.is_empty());
        let all = JobFilter {
            states: vec![JobState::Available],
            kind: Some("y".into()),
            tag: Some("dark red".into()),
            ..of_queue("a")
        };
        assert_eq!(listed(t, all.clone()).await, [ids[2]]);
        assert!(listed(t, JobFilter { kind: Some("x".into()), ..all }).await.is_empty());
    }

    /// The same filters hold for finished jobs.
    async fn finished_jobs_are_filtered_too(t: &Workflows) {
        let new = |queue: &str, kind: &str, tag: &str| NewJob {
            tags: vec![tag.to_owned()], ..job_of(queue, kind)
        };
        let mut ids = Vec::new();
        for (queue, kind, tag) in [("a", "x", "red"), ("b", "x", "it's"), ("a", "y", "it's")] {
            ids.push(job_in(t, new(queue, kind, tag), JobState::Succeeded).await.id);
        }
        let finished = |filter| JobFilter { states: FINISHED.to_vec(), ..filter };
        assert_eq!(listed(t, finished(of_queue("a"))).await, [ids[0], ids[2]]);
        assert_eq!(listed(t, finished(of_kind("x"))).await, ids[..2]);
        assert_eq!(listed(t, finished(of_tag("it's"))).await, ids[1..]);
        assert!(listed(t, of_queue("a")).await.is_empty());
    }

    /// The jobs of a run are listed by it.
    async fn jobs_are_listed_by_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let runs = [pending(t, workflow.id).await, pending(t, workflow.id).await];
        enqueued(t, job("k")).await;
        for run in &runs {
            let of_run = JobFilter { run_id: Some(run.id), ..none() };
            let items = page(t, &of_run, &PageRequest::default()).await;
            assert_eq!(items, [job_of_run(t, run.id).await]);
            assert_eq!((items[0].run_id, items[0].kind.as_str()), (Some(run.id), "run"));
        }
        assert_eq!(listed(t, of_kind("run")).await.len(), 2);
    }

    /// Pages have no gap and no overlap, in both directions, of whatever size.
    async fn pages_have_no_gap_and_no_overlap(t: &Workflows) {
        let jobs = enqueued_all(t, (0..23).map(|_| job("k")).collect()).await;
        let mut expected: Vec<JobId> = jobs.into_iter().map(|job| job.id).collect();
        for limit in [1, 7, 22, 23, 24, 1000] {
            assert_eq!(walk(t, &none(), PageRequest::first(limit)).await, expected);
            let ascending = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &of_queue("default"), ascending).await, expected);
        }
        expected.reverse();
        for limit in [1, 7, 23] {
            let descending = PageRequest::first(limit).ordered(Order::Desc);
            assert_eq!(walk(t, &none(), descending).await, expected);
        }
    }

    /// Pages of finished jobs have no gap and no overlap either, and are ordered by id.
    async fn pages_of_finished_jobs_have_no_gap(t: &Workflows) {
        let jobs = enqueued_all(t, (0..12).map(|_| job("k")).collect()).await;
        let mut expected: Vec<JobId> = jobs.into_iter().map(|job| job.id).collect();
        for id in expected.iter().rev() {
            t.store.cancel_job(*id, "r").await.unwrap();
            crate::samples::pass(t, 1);
        }
        let filter = of_states(&[JobState::Cancelled]);
        assert_eq!(walk(t, &filter, PageRequest::first(5)).await, expected);
        expected.reverse();
        let descending = PageRequest::first(5).ordered(Order::Desc);
        assert_eq!(walk(t, &filter, descending).await, expected);
    }

    /// Jobs that are enqueued or end between two pages shift no page.
    async fn changes_between_pages_shift_no_page(t: &Workflows) {
        let jobs = enqueued_all(t, (0..6).map(|_| job("k")).collect()).await;
        let ids: Vec<JobId> = jobs.into_iter().map(|job| job.id).collect();
        let request = PageRequest::first(2);
        let first = t.store.list_jobs(&none(), &request).await.unwrap();
        assert_eq!(first.items.iter().map(|job| job.id).collect::<Vec<_>>(), ids[..2]);
        let new = enqueued(t, job("k")).await.id;
        t.store.cancel_job(ids[0], "r").await.unwrap();
        t.store.cancel_job(ids[1], "r").await.unwrap();
        let rest = walk(t, &none(), request.after(first.next.unwrap())).await;
        let expected: Vec<JobId> = ids[2..].iter().copied().chain([new]).collect();
        assert_eq!(rest, expected);
    }

    /// A cursor is good for the listing it is of, and for no other.
    async fn a_cursor_of_another_listing_is_invalid(t: &Workflows) {
        enqueued_all(t, (0..3).map(|_| job("k")).collect()).await;
        let first = PageRequest::first(1);
        let cursor = t.store.list_jobs(&none(), &first).await.unwrap().next.unwrap();
        let next = first.after(cursor);
        let others = [of_queue("default"), of_kind("k"), of_tag("k"), of_states(&FINISHED)];
        for filter in others {
            assert_invalid(t.store.list_jobs(&filter, &next).await, "after");
        }
        let descending = next.clone().ordered(Order::Desc);
        assert_invalid(t.store.list_jobs(&none(), &descending).await, "after");
        assert_eq!(page(t, &none(), &next).await.len(), 1);
    }

    /// Names in a filter are at most 255 bytes, without control characters.
    async fn a_filter_that_breaks_a_rule_is_invalid(t: &Workflows) {
        for text in ["x".repeat(256), "a\0b".into()] {
            let filters =
                [("queue", of_queue(&text)), ("kind", of_kind(&text)), ("tag", of_tag(&text))];
            for (field, filter) in filters {
                let answer = t.store.list_jobs(&filter, &PageRequest::default()).await;
                assert_invalid(answer, field);
            }
        }
    }

    /// A page of large jobs ends early, and the next one goes on.
    async fn a_page_of_large_jobs_ends_early(t: &Workflows) {
        let large = |_| NewJob { payload: json!("x".repeat(1024 * 1024)), ..job("large") };
        let jobs: Vec<NewJob> = (0..12).map(large).collect();
        let expected: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        enqueued_all(t, jobs).await;
        let page = t.store.list_jobs(&none(), &PageRequest::first(1000)).await.unwrap();
        assert!((1..12).contains(&page.items.len()), "{}", page.items.len());
        assert_eq!(walk(t, &none(), PageRequest::first(1000)).await, expected);
    }
}
