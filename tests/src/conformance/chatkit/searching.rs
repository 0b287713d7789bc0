//! Searching: what is a word, what is text, and what a query means.

use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{add, found, message, saved, say};

/// Texts, and queries with the places of the texts they find.
async fn assert_found(t: &Chats, texts: &[&str], queries: &[(&str, &[usize])]) {
    saved(t, "thr_1").await;
    for (number, text) in texts.iter().enumerate() {
        add(t, "thr_1", message(&format!("{number:02}"), text)).await;
    }
    for (query, expected) in queries {
        let newest = expected.iter().rev();
        let expected: Vec<String> = newest.map(|number| format!("{number:02}")).collect();
        assert_eq!(found(t, query).await, expected, "{query:?}");
    }
}

behaviours! {
    emits chatkit_searching_tests from chatkit::searching;

    /// All words have to be there, in any order and case.
    async fn all_words_have_to_be_there(t: &Chats) {
        let texts = ["The quick brown fox", "A brown, quick dog!", "quickly BROWN", "fox"];
        assert_found(t, &texts, &[
            ("quick", &[0, 1]),
            ("QUICK", &[0, 1]),
            ("brown quick", &[0, 1]),
            ("  brown\tquick\n", &[0, 1]),
            ("brown fox", &[0]),
            ("fox", &[0, 3]),
            ("the", &[0]),
            ("a", &[1]),
            ("quic", &[]),
            ("qu*", &[]),
            ("fox dog", &[]),
            ("fox fox fox", &[0, 3]),
        ]).await;
    }

    /// The words of a phrase have to follow each other.
    async fn the_words_of_a_phrase_follow_each_other(t: &Chats) {
        let texts = ["one two three", "two one three", "one, TWO! three", "one and two", "one one"];
        assert_found(t, &texts, &[
            ("\"one two\"", &[0, 2]),
            ("\"two three\"", &[0, 2]),
            ("\"one two three\"", &[0, 2]),
            ("\"three two\"", &[]),
            ("\"one three\"", &[1]),
            ("\"one one\"", &[4]),
            ("\"one two\" three", &[0, 2]),
            ("\"one two\" \"two one\"", &[]),
            ("\"one two", &[0, 2]),
            ("\"one", &[0, 1, 2, 3, 4]),
            ("three\"one two\"", &[0, 2]),
        ]).await;
    }

    /// What is excluded must not be there.
    async fn what_is_excluded_must_not_be_there(t: &Chats) {
        let texts = ["red apple", "green apple", "red green apple", "green red", "apple"];
        assert_found(t, &texts, &[
            ("apple -red", &[1, 4]),
            ("-red apple", &[1, 4]),
            ("apple -red -green", &[4]),
            ("apple -\"red green\"", &[0, 1, 4]),
            ("red -\"green red\"", &[0, 2]),
            ("apple -\"red", &[1, 4]),
            ("apple -apple", &[]),
            ("apple -unknown", &[0, 1, 2, 4]),
            ("apple - red", &[0, 2]),
            ("red-green", &[2]),
            ("red -!?", &[0, 2, 3]),
        ]).await;
    }

    /// Words are cut by the rules of Unicode, after NFKC and lower-casing; accents count.
    async fn words_are_cut_by_the_rules_of_unicode(t: &Chats) {
        let texts = [
            "Die GRÖSSE der Größe",
            "café",
            "cafe\u{301}",
            "cafe",
            "ﬁne ２０ ①",
            "Привет, мир",
            "مرحبا بالعالم",
            "can't stop",
            "3.14 and 1,000",
            "snake_case kebab-case",
            "İstanbul ISTANBUL",
        ];
        assert_found(t, &texts, &[
            ("grösse", &[0]),
            ("GRÖßE", &[0]),
            ("grosse", &[]),
            ("café", &[1, 2]),
            ("CAFE\u{301}", &[1, 2]),
            ("cafe", &[3]),
            ("fine", &[4]),
            ("20 1", &[4]),
            ("ПРИВЕТ мир", &[5]),
            ("بالعالم", &[6]),
            ("can't", &[7]),
            ("can", &[]),
            ("3.14", &[8]),
            ("3", &[]),
            ("1,000", &[8]),
            ("snake_case", &[9]),
            ("snake", &[]),
            ("kebab", &[9]),
            ("kebab-case", &[9]),
            ("case-kebab", &[]),
            ("istanbul", &[10]),
        ]).await;
    }

    /// Each ideograph and each emoji is a word.
    async fn each_ideograph_and_each_emoji_is_a_word(t: &Chats) {
        let texts = ["東京タワー", "京東", "party 🎉🎉 time", "👩‍👩‍👧 family", "👍🏽", "🎉 party"];
        assert_found(t, &texts, &[
            ("東", &[0, 1]),
            ("東京", &[0]),
            ("京東", &[1]),
            ("東 京", &[0, 1]),
            ("タワー", &[0]),
            ("🎉", &[2, 5]),
            ("🎉🎉", &[2]),
            ("\"🎉 party\"", &[5]),
            ("👩‍👩‍👧", &[3]),
            ("👩", &[]),
            ("👍🏽", &[4]),
            ("-🎉 party", &[]),
        ]).await;
    }

    /// Words that look like the marks of the index are words like all others.
    async fn words_that_look_like_marks_are_words(t: &Chats) {
        let texts = ["0xff 0g 0o1 0t2", "0g", "gap", "größe", "0x6772c3b6c39f65", "a 0g b", "a b"];
        assert_found(t, &texts, &[
            ("0xff", &[0]),
            ("0g", &[0, 1, 5]),
            ("größe", &[3]),
            ("0x6772c3b6c39f65", &[4]),
            ("\"a b\"", &[6]),
            ("\"a 0g b\"", &[5]),
            ("a -0g", &[6]),
        ]).await;
    }

    /// Words of the query languages of the databases are words.
    async fn words_of_query_languages_are_words(t: &Chats) {
        let texts =
            ["this AND that", "this OR that", "NOT this", "NEAR this", "search this", "this"];
        assert_found(t, &texts, &[
            ("this AND that", &[0]),
            ("that OR this", &[1]),
            ("NOT this", &[2]),
            ("NEAR(this)", &[3]),
            ("this NEAR", &[3]),
            // A colon between letters does not part words.
            ("search:this", &[]),
            ("{search} : this", &[4]),
            ("this -and", &[1, 2, 3, 4, 5]),
        ]).await;
    }

    /// Signs of the query languages of the databases mean nothing.
    async fn hostile_queries_find_words_alone(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a", "b", "a b"]).await;
        let hostile = [
            "a*", "a & a", "a | c!", "a:*", "(a)", "^a", "+a", "a;", "a'", "'a'", "a''", "\\a",
            "a\\", "a <-> a", "!a", "a:b*", "a\0", "a\u{1}", "a %", "$1 a", "?1 a", "a/*", "a--",
            "\"a\" \"", "\"\"a", "a \"\"", "a{", "a[0]", "a@@", "\u{202e}a", "a\u{feff}", "#a",
            "a\u{0}\u{0}", "<a>", "a\r\n", "\"a*\"", "a-", "a -", "a -\"", "a \u{3000}",
            "'; DROP TABLE chatkit_items; -- a", "a') OR 1=1 --",
        ];
        for query in hostile {
            let ids = found(t, query).await;
            assert!(ids.iter().all(|id| id.contains('a')), "{query:?}: {ids:?}");
        }
        assert_eq!(found(t, "a*").await, ["a b", "a"]);
        assert_eq!(crate::samples::items_of(t, "thr_1").await.len(), 3);
    }
}
