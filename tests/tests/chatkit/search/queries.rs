//! More than 200 queries: words, phrases, and what must not be there.

/// By language and kind. Their quotes are closed, and stand where a word begins or ends.
#[rustfmt::skip]
pub(crate) static QUERIES: &[&str] = &[
    // English
    "deploy", "server database", "\"the quick brown fox\"", "fox -deploy", "can't", "cant",
    "\"state-of-the-art\"", "state-of-the-art", "naïve", "naive", "CAFÉ", "résumé -server",
    "\"good morning\" weather", "user's -\"open source\"", "o’brien", "o'brien",
    // German
    "größe", "GRÖSSE", "strasse", "Straße", "\"guten Morgen\"", "morgen -\"guten morgen\"", "äpfel",
    "apfel", "donaudampfschifffahrt -haus", "u-bahn", "geht's", "z.b", "vertrag öl",
    // French
    "l'école", "école", "aujourd'hui", "\"c'est la vie\"", "œuvre", "oeuvre", "cœur garçon",
    "\"crème brûlée\"", "creme", "été -hôtel", "s’il", "rendez-vous", "ete\u{301}",
    // Spanish
    "mañana", "man\u{303}ana", "manana", "\"qué tal\"", "hola", "¿qué", "\"buenos días\"", "año",
    "ano", "pingüino -niño", "\"el señor\" casa",
    // Polish
    "\"zażółć gęślą jaźń\"", "łódź", "lodz", "ŁÓDŹ", "święto źródło", "dziękuję -proszę", "noc",
    // Turkish
    "istanbul", "İSTANBUL", "İstanbul", "ışık", "ilk", "ığdır", "\"iyi geceler\"", "türkiye'de",
    "şeker -su", "diyarbakır",
    // Russian
    "привет", "МОСКВА", "ёлка", "елка", "ежик", "ёжик", "\"доброе утро\"", "что-нибудь",
    "\"война и мир\"", "город -вода",
    // Greek
    "καλημέρα", "οδος", "οδός", "ΟΔΟΣ", "σοφός", "ΣΟΦΌΣ", "\"ένα δύο τρία\"", "άνθρωπος -ήλιος",
    // Arabic and Hebrew
    "مرحبا", "\"السلام عليكم\"", "محمد", "مُحَمَّد", "لا", "١٢٣", "123", "شمس قمر", "كتاب -ماء",
    "שלום", "שָׁלוֹם", "\"בוקר טוב\"", "צה״ל", "ג׳ירפה", "שמש -ים",
    // Hindi
    "नमस्ते", "हिन्दी", "हिंदी", "\"शुभ प्रभात\"", "क़लम", "\u{958}लम", "१२३", "घर -दूध",
    // Chinese and Japanese
    "你好", "北京", "京", "京北", "\"数据库\"", "数据库 服务器", "天气 -明天", "𠮷", "你好 -谢谢",
    "東京", "タワー", "東京タワー", "カタカナ", "ｶﾀｶﾅ", "カタ", "ひらがな", "ひら", "がくせい",
    "か\u{3099}くせい", "株式会社", "食べる", "データベース -サーバー",
    // Korean
    "안녕하세요", "안녕", "서울", "\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}", "\"좋은 아침\"", "물 -밥",
    // Thai
    "สวัสดี", "น้ำ", "นํ้า", "ภาษา", "ไทย", "กาแฟ -แมว", "๑๒๓",
    // Emoji
    "🎉", "\"🎉🎉\"", "🎉🎉🎉", "👩‍👩‍👧", "👩", "👍", "👍🏽", "🇩🇪", "🇫🇷", "🇩🇪🇫🇷",
    "❤️", "🏳️‍🌈", "party -🚀", "🔥 done",
    // Mixed scripts
    "web", "\"webサーバー\"", "iphone", "北京2026", "k-pop", "音악", "음악", "rust언어", "第1回",
    "中文english", "tシャツ", "カフェ café",
    // Numbers
    "3.14", "14", "1,000,000", "42 -007", "2026-03-02", "2026", "12:30", "0xff", "x2", "viii",
    "1.2.3", "192.168.0.1", "\"+49 30\"", "10km",
    // Code
    "main", "foo_bar", "foobar", "\"std::io\"", "\"select * from users\"", "and", "OR not", "near",
    "NULL -and", "node.js", "verbose",
    // Addresses
    "example.com", "ada@example.com", "\"example.com\" -ada", "localhost:8080", "first.last", "例え",
    "release",
    // Apostrophes, hyphens, ligatures
    "rock'n'roll", "mother-in-law", "twenty-one", "its -it's", "soft", "file", "ﬁle", "office",
    "ada", "bold", "\"full width\"", "étété", "hilbert",
    // Nothing says these
    "deploy -deploy", "\"morning good\"", "\"la c'est\"", "xylophone", "deploy недвижимость",
    "\"guten abend\"", "🦀", "\"deploy deploy deploy deploy\"", "mañanas",
    "größe -größe", "dat", "serv", "deploy*", "42 -42 -43", "名古屋", "\"京 東 京\"", "वाराणसी",
];
