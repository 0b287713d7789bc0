//! Searching: much text, long words and long queries.

use store_core::chatkit::ItemSearch;

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{add, alice, found, items_of, message, saved, say, thread};

/// Words that differ, in one text.
fn numbered(count: usize) -> String {
    (0..count).map(|number| format!("w{number} ")).collect()
}

behaviours! {
    emits chatkit_search_text_tests from chatkit::search_text;

    /// A message of 5 MB is kept whole, and found by its first words.
    async fn a_message_of_5_mb_is_found_by_its_first_words(t: &Chats) {
        saved(t, "thr_1").await;
        let text = format!("Beginning of it all: {}", numbered(700_000));
        let text = &text[..5_000_000];
        let item = add(t, "thr_1", message("a", text)).await;
        assert_eq!(items_of(t, "thr_1").await, [item]);
        for query in ["beginning", "\"beginning of it all w0 w1\"", "w9000", "all w15000"] {
            assert_eq!(found(t, query).await, ["a"], "{query}");
        }
        assert!(found(t, "w600000").await.is_empty());
        // It can be saved and deleted like any other.
        let short = message("a", "short");
        t.store.save_item(&alice(), &thread("thr_1"), short).await.unwrap();
        assert!(found(t, "beginning").await.is_empty());
        assert_eq!(found(t, "short").await, ["a"]);
    }

    /// 5 MB of long words, of one word, of ideographs, of emoji, and of no words are accepted.
    async fn much_text_of_every_kind_is_accepted(t: &Chats) {
        saved(t, "thr_1").await;
        let texts = [
            ("long", "first ".to_owned() + &"x".repeat(5_000_000)),
            ("many long", "first ".to_owned() + &format!("{} ", "ä".repeat(200)).repeat(12_000)),
            ("same", "first ".to_owned() + &"again ".repeat(800_000)),
            ("ideographs", "first ".to_owned() + &"東京".repeat(800_000)),
            ("emoji", "first ".to_owned() + &"🎉".repeat(1_200_000)),
            ("distinct", "first ".to_owned() + &"\u{4e00}\u{5e00}".repeat(100) + &distinct()),
            ("signs", "first ".to_owned() + &"!".repeat(5_000_000)),
        ];
        for (id, text) in texts {
            add(t, "thr_1", message(id, &text)).await;
            assert_eq!(found(t, "first").await[0], id);
        }
        assert_eq!(found(t, "\"first again\"").await, ["same"]);
        assert_eq!(found(t, "\"first 東京\"").await, ["ideographs"]);
        assert_eq!(found(t, "first 🎉").await, ["emoji"]);
    }

    /// Of an item, 16,000 words are found; of a word, 250 occurrences.
    async fn of_much_text_the_first_words_are_found(t: &Chats) {
        saved(t, "thr_1").await;
        add(t, "thr_1", message("many", &numbered(16_001))).await;
        let same = |times: usize| format!("{}end", "again ".repeat(times));
        add(t, "thr_1", message("250", &same(250))).await;
        add(t, "thr_1", message("251", &same(251))).await;
        assert_eq!(found(t, "w15999").await, ["many"]);
        assert!(found(t, "w16000").await.is_empty());
        assert_eq!(found(t, "\"w15998 w15999\"").await, ["many"]);
        assert_eq!(found(t, "\"again end\"").await, ["250"]);
        assert_eq!(found(t, "again end").await, ["251", "250"]);
    }

    /// A word has its first 255 bytes, in items as in queries.
    async fn a_word_has_its_first_255_bytes(t: &Chats) {
        saved(t, "thr_1").await;
        add(t, "thr_1", message("a", &"x".repeat(300))).await;
        add(t, "thr_1", message("b", &"x".repeat(254))).await;
        add(t, "thr_1", message("c", &"ä".repeat(200))).await;
        for (length, expected) in [(255, vec!["a"]), (1000, vec!["a"]), (254, vec!["b"])] {
            assert_eq!(found(t, &"x".repeat(length)).await, expected, "{length}");
        }
        assert_eq!(found(t, &"ä".repeat(127)).await, ["c"]);
        assert!(found(t, &"ä".repeat(126)).await.is_empty());
    }

    /// A query with nothing that could be found is `Invalid`, as is one that is too long.
    async fn a_query_with_nothing_to_find_is_invalid(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        let (many, long) = ("a ".repeat(33), "a".repeat(1025));
        let excluded = format!("{}b", "-a ".repeat(32));
        let nothing = [
            "", " ", "\t\n", "!?", "\"\"", "-", "-a", "-\"a b\"", "- -", "…", "\0", "\"!?\" -a",
            &many, &long, &excluded,
        ];
        for query in nothing {
            for search in [
                ItemSearch::everywhere(query),
                ItemSearch::everywhere(query).ranked(),
                ItemSearch::in_thread(thread("thr_1"), query),
            ] {
                let answer = t.store.search_items(&alice(), &search, &Default::default()).await;
                assert_invalid(answer, "query");
            }
        }
    }

    /// A query of 1,024 bytes and one of 32 words are answered.
    async fn the_longest_queries_are_answered(t: &Chats) {
        saved(t, "thr_1").await;
        let ideographs = "東".repeat(341);
        add(t, "thr_1", message("a", &format!("{ideographs} {}", numbered(32)))).await;
        assert_eq!(found(t, &numbered(32)).await, ["a"]);
        assert_eq!(found(t, &format!("\"{}\"", numbered(32))).await, ["a"]);
        assert!(found(t, &"x".repeat(1024)).await.is_empty());
        let phrase = "東".repeat(250);
        assert_eq!(found(t, &phrase).await, ["a"]);
        // One character that NFKC makes four words of.
        let ligatures = "\u{fdfa} ".repeat(250);
        add(t, "thr_1", message("b", &ligatures)).await;
        assert_eq!(found(t, &format!("\"{ligatures}\"")).await, ["b"]);
        let excluded = (0..31).map(|number| format!(" -x{number}")).collect::<String>();
        assert_eq!(found(t, &format!("w1{excluded}")).await, ["a"]);
    }
}

/// Ideographs that differ, more than are found.
fn distinct() -> String {
    ('\u{4e00}'..='\u{9fff}').collect()
}
