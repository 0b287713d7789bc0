//! What the items of the corpus say: words and expressions by language and kind.

/// Words of one kind, and what stands between them unless something else is thrown in.
pub(crate) struct Words {
    pub(crate) joint: &'static str,
    pub(crate) words: &'static [&'static str],
}

const fn spaced(words: &'static [&'static str]) -> Words {
    Words { joint: " ", words }
}

/// For scripts that put nothing between words.
const fn close(words: &'static [&'static str]) -> Words {
    Words { joint: "", words }
}

#[rustfmt::skip]
pub(crate) static LISTS: [Words; 22] = [
    // English
    spaced(&[
        "the quick brown fox", "can't stop", "won't", "state-of-the-art", "deploy", "server",
        "database", "weather", "tomorrow", "invoice", "good morning", "naïve", "café", "résumé",
        "running", "user's guide", "open source", "e-mail", "O’Brien", "co-operate",
    ]),
    // German
    spaced(&[
        "Größe", "Straße", "Fußgängerübergang", "guten Morgen", "Überraschung", "Äpfel", "schön",
        "Donaudampfschifffahrt", "Rechnung", "Haus", "Garten", "morgen", "für alle", "nicht",
        "Müller", "geht's", "U-Bahn", "z.B.", "Vertrag", "Öl",
    ]),
    // French
    spaced(&[
        "l'école", "aujourd'hui", "c'est la vie", "garçon", "naïf", "œuvre", "cœur", "déjà vu",
        "élève", "français", "à bientôt", "rendez-vous", "bonjour", "merci", "crème brûlée",
        "été", "hôtel", "s’il vous plaît", "où", "Noël",
    ]),
    // Spanish
    spaced(&[
        "mañana", "¿qué tal?", "¡hola!", "niño", "corazón", "buenos días", "el señor",
        "pingüino", "año", "gracias", "jalapeño", "está", "camión", "por favor", "fútbol",
        "dónde", "árbol", "cuándo", "casa", "perro",
    ]),
    // Polish
    spaced(&[
        "zażółć gęślą jaźń", "dzień dobry", "Łódź", "książka", "święto", "źródło", "proszę",
        "dziękuję", "ćma", "żółw", "wąż", "miasto", "rzeka", "ślub", "góra", "pięć", "język",
        "mleko", "chleb", "noc",
    ]),
    // Turkish
    spaced(&[
        "İstanbul", "ışık", "çiçek", "günaydın", "teşekkür ederim", "şeker", "öğrenci", "ağaç",
        "kırmızı", "ilk", "IĞDIR", "Diyarbakır", "yıl", "su", "ekmek", "kitap", "güzel", "izmir",
        "iyi geceler", "Türkiye'de",
    ]),
    // Russian
    spaced(&[
        "привет", "Москва", "спасибо", "доброе утро", "ёлка", "ежик", "ёжик", "что-нибудь",
        "книга", "вода", "река", "зима", "лето", "щука", "объект", "чай", "йод", "война и мир",
        "город", "язык",
    ]),
    // Greek
    spaced(&[
        "καλημέρα", "κόσμος", "ΟΔΟΣ", "σοφός", "Αθήνα", "νερό", "βιβλίο", "ευχαριστώ", "γλώσσα",
        "θάλασσα", "ήλιος", "άνθρωπος", "φως", "πόλη", "ναι", "όχι", "ένα δύο τρία", "ψωμί",
        "ξένος", "ώρα",
    ]),
    // Arabic
    spaced(&[
        "مرحبا", "شكرا", "السلام عليكم", "كتاب", "مدينة", "ماء", "قهوة", "صباح الخير", "لغة",
        "بيت", "مُحَمَّد", "نعم", "ﻻ", "شمس", "قمر", "مدرسة", "سيارة", "١٢٣", "ليل", "بحر",
    ]),
    // Hebrew
    spaced(&[
        "שלום", "תודה", "בוקר טוב", "ספר", "עיר", "מים", "קפה", "לילה טוב", "שָׁלוֹם", "צה״ל",
        "ג׳ירפה", "שמש", "ירח", "בית", "ים", "ילד", "כן", "אהבה", "חבר", "צה\"ל",
    ]),
    // Hindi
    spaced(&[
        "नमस्ते", "धन्यवाद", "हिन्दी", "भाषा", "पुस्तक", "पानी", "शुभ प्रभात", "दिल्ली", "घर", "सूरज",
        "चाँद", "नदी", "क़लम", "बच्चा", "विद्यालय", "मित्र", "दूध", "रोटी", "१२३", "क्षमा कीजिए",
    ]),
    // Chinese
    close(&[
        "你好", "谢谢", "北京", "上海", "东京", "天气", "明天", "数据库", "服务器", "我们", "学习",
        "中文", "图书馆", "苹果", "吃饭", "喝茶", "火车站", "𠮷野家", "，", "。",
    ]),
    // Japanese
    close(&[
        "東京タワー", "こんにちは", "ありがとう", "日本語", "カタカナ", "ｶﾀｶﾅ", "ひらがな", "サーバー",
        "データベース", "明日", "天気", "がくせい", "食べる", "新幹線", "ラーメン", "大阪", "㍿", "コーヒー",
        "、", "。",
    ]),
    // Korean
    spaced(&[
        "안녕하세요", "감사합니다", "서울", "한국어", "데이터베이스", "서버", "내일", "날씨", "커피",
        "좋은 아침", "학교", "도서관", "사랑", "물", "밥", "친구", "책", "바다", "산", "강",
    ]),
    // Thai
    close(&[
        "สวัสดี", "ขอบคุณ", "กรุงเทพ", "ภาษาไทย", "น้ำ", "ข้าว", "ฐานข้อมูล", "วันนี้", "พรุ่งนี้", "อากาศ",
        "เชียงใหม่", "กาแฟ", "หนังสือ", "บ้าน", "แมว", "หมา", "ทะเล", "ภูเขา", "๑๒๓", "ครับ ",
    ]),
    // Emoji
    spaced(&[
        "🎉", "👩‍👩‍👧", "👍🏽", "👍", "🇩🇪", "🇩🇪🇫🇷", "❤️", "🚀", "🎉🎉🎉", "1️⃣", "🏳️‍🌈", "☕", "🐍", "✅",
        "🤷‍♂️", "party", "done", "🔥🚀", "ship it", "ok👌",
    ]),
    // Chinese, Japanese and Korean mixed with Latin
    spaced(&[
        "東京のWebサーバー", "iPhoneを買う", "北京2026", "K-POP음악", "用Python写代码", "Rust언어",
        "SQL数据库", "3人", "第1回", "A级", "Tシャツ", "カフェcafé", "版本v2", "中文English中文",
        "LINEで送る", "B급", "5G网络", "USB케이블", "GitHubで", "CPU使用率",
    ]),
    // Numbers
    spaced(&[
        "3.14", "1,000,000", "42", "2026-03-02", "12:30", "1e10", "0xff", "007", "50%", "$9.99",
        "№5", "½", "x²", "Ⅷ", "①", "1.2.3", "192.168.0.1", "+49 30 123456", "10km", "0o1",
    ]),
    // Code
    spaced(&[
        "fn main()", "let x = 42;", "foo_bar", "fooBar", "std::io::Result", "SELECT * FROM users",
        "a[i] != b", "if (x) { y(); }", "C++", "node.js", "--verbose", "#include <stdio.h>",
        "snake_case_name", "NULL", "println!(\"hi\")", "x -> y", "AND", "OR", "NOT NEAR", "'; --",
    ]),
    // Addresses
    spaced(&[
        "https://example.com/path?q=1&r=2", "http://localhost:8080", "ada@example.com",
        "first.last+tag@mail.example.org", "www.example.org", "/usr/local/bin", "C:\\Users\\ada",
        "ftp://files.example.com", "example.com", "mailto:bob@example.com", "#release", "@ada",
        "user_name@host", "file.tar.gz", "README.md", "https://例え.jp", "pull/123", "issue #45",
        "v1.2.3-rc1", "%20",
    ]),
    // Apostrophes and hyphens
    spaced(&[
        "rock'n'roll", "rock ’n’ roll", "'quoted'", "mother-in-law", "twenty‑one", "a--b",
        "dogs'", "it's", "its", "non-", "-dash", "O'Neill", "l’eau", "qu'est-ce que", "d'accord",
        "well—known", "semi–final", "x'y'z", "so\u{ad}ft", "zero\u{200b}width",
    ]),
    // Ligatures, full width, and letters that are written in two ways
    spaced(&[
        "ﬁle", "ﬂuss", "Ａｄａ", "２０２６", "oﬃce", "№ 7", "㎏", "STRAẞE", "ǆungla", "ﬆop", "1ª",
        "ℌilbert", "𝐛𝐨𝐥𝐝", "e\u{301}te\u{301}", "\u{212b}ngström", "\u{2126}hm", "ſtill",
        "\u{212a}elvin", "ｆｕｌｌ ｗｉｄｔｈ", "cafe\u{301}",
    ]),
];
