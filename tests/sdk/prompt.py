"""Prompts of the pipeline's two forms, and the tags that stand in them."""

TAXONOMY = {
    "doc": ["guide", "runbook", "specification", "reference", "policy", "report"],
    "domain": ["billing", "payments", "identity", "search", "logistics", "analytics"],
    "kb": ["faq", "troubleshooting", "onboarding", "glossary", "migration", "backup"],
    "tool": ["postgres", "kubernetes", "kafka", "grafana", "terraform", "jenkins"],
}

PAGES = {
    "100001": (
        "Failover of the ledger",
        "This runbook moves billing to the other node of postgres.\nKeep the runbook at hand.",
    ),
    "100002": (
        "Перенесення черг",
        "Черги kafka переїжджають на kubernetes: kafka перша.\nЦе migration, а не backup.",
    ),
    "100003": ("Lunch", "The kitchen opens at noon."),
}

# A page has the tags whose words stand in it, the most frequent first.
TAGS = {
    "100001": {"doc": ["runbook"], "domain": ["billing"], "kb": [], "tool": ["postgres"]},
    "100002": {
        "doc": [],
        "domain": [],
        "kb": ["migration", "backup"],
        "tool": ["kafka", "kubernetes"],
    },
    "100003": {"doc": [], "domain": [], "kb": [], "tool": []},
}

INSTRUCTIONS = (
    "You tag wiki pages. Take tags only from the list, at most 3 of each category.\n"
    + "".join(f"{category}: {', '.join(tags)}\n" for category, tags in TAXONOMY.items())
)


def one_page(page="100001"):
    """A single page without an id: the answer has the four category lists."""
    title, text = PAGES[page]
    return f"{title}\n{text}\n"


def many_pages(pages=PAGES):
    """Several pages, each after a line with its id: the answer has tags for each id."""
    return "".join(
        f"\n=== page {page} ===\n{title}\n{text}\n" for page, (title, text) in pages.items()
    )
