//! The words that generated pages are written with. None of them is a tag of the default taxonomy.

/// English filler.
pub(super) const ENGLISH: &[&str] = &[
    "the", "team", "keeps", "this", "page", "current", "when", "a", "request", "arrives", "it",
    "is", "checked", "against", "rules", "and", "then", "stored", "for", "later", "use", "each",
    "change", "needs", "approval", "from", "owner", "before", "release", "we", "measure", "how",
    "long", "every", "step", "takes", "compare", "with", "last", "month", "values", "are",
    "rounded", "to", "nearest", "minute", "unless", "contract", "says", "otherwise", "if", "alarm",
    "fires", "call", "duty", "engineer", "write", "down", "what", "happened", "old", "entries",
    "move", "into", "archive", "after", "ninety", "days", "access", "limited", "people", "who",
    "work", "on", "area", "numbers", "below", "come", "nightly", "export", "please", "update",
    "table", "once", "done", "service", "restarts", "without", "losing", "messages", "queue",
    "length", "grows", "during", "peak", "hours", "second", "region", "takes", "over", "within",
    "thirty", "seconds", "logs", "kept", "central", "place", "never", "contain", "personal", "data",
];

/// Ukrainian filler.
pub(super) const UKRAINIAN: &[&str] = &[
    "команда", "підтримує", "цю", "сторінку", "в", "актуальному", "стані", "коли", "надходить",
    "запит", "він", "перевіряється", "за", "правилами", "і", "зберігається", "для", "подальшого",
    "використання", "кожна", "зміна", "потребує", "погодження", "власника", "перед", "випуском",
    "ми", "вимірюємо", "скільки", "часу", "займає", "кожен", "крок", "порівнюємо", "з", "минулим",
    "місяцем", "значення", "округлюються", "до", "найближчої", "хвилини", "якщо", "спрацює",
    "сигнал", "зателефонуйте", "черговому", "інженеру", "запишіть", "що", "сталося", "старі",
    "записи", "переносяться", "архіву", "після", "дев'яноста", "днів", "доступ", "мають", "лише",
    "ті", "хто", "працює", "над", "цим", "напрямом", "черга", "зростає", "у", "години", "пік",
    "другий", "регіон", "перебирає", "роботу", "протягом", "тридцяти", "секунд", "журнали",
    "зберігаються", "централізовано", "і", "не", "містять", "персональних", "даних",
];
