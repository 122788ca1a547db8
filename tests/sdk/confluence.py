"""Drives the fake Confluence with atlassian-python-api 4, which reads and labels through v1."""

import time
from datetime import datetime

from atlassian import Confluence
from atlassian.errors import ApiError, ApiPermissionError
from requests.exceptions import ConnectionError, HTTPError, ReadTimeout, RetryError

from check import holds, is_now, raises, run, same
from serve import SPACE_KEY, world

USER, TOKEN = "user@example.com", "good-token"
NOTHING = "999999999"


def client(urls, seen=None, token=TOKEN, **options):
    """A client that notes each response in `seen`."""
    wiki = Confluence(
        url=urls["confluence"] + "/wiki", username=USER, password=token, cloud=True, **options
    )
    if seen is not None:
        wiki.session.hooks["response"].append(lambda response, **_: seen.append(response))
    return wiki


def first_page(wiki):
    return wiki.get_all_pages_from_space(SPACE_KEY, limit=1)[0]["id"]


def names(labels):
    return sorted(label["name"] for label in labels["results"])


def is_error(error, status, *parts):
    """The SDK found a message in the body: without one it would say what requests says."""
    same((type(error), error.response.status_code), (HTTPError, status))
    holds(str(error), *parts)
    body = error.response.json()
    same((str(error), status), (body["message"], body["statusCode"]))


def check_list_a_space():
    with world() as urls:
        wiki = client(urls)
        pages = []
        while True:
            got = wiki.get_all_pages_from_space(
                SPACE_KEY, start=len(pages), limit=3, expand="body.storage,version"
            )
            pages += got
            if len(got) < 3:
                break
        same(len({page["id"] for page in pages}), 7)
        for page in pages:
            same((page["type"], page["status"], page["version"]["number"]), ("page", "current", 1))
            same(page["body"]["storage"]["representation"], "storage")
            assert page["title"] and page["body"]["storage"]["value"].startswith("<"), page
            holds(page["_links"]["self"], f"/wiki/rest/api/content/{page['id']}")


def check_pages_of_a_list():
    with world() as urls:
        wiki = client(urls)
        first = wiki.get_all_pages_from_space_raw(SPACE_KEY, limit=3)
        same((first["start"], first["limit"], first["size"], len(first["results"])), (0, 3, 3, 3))
        # The link to the next part is relative to the base, which ends with /wiki.
        assert first["_links"]["base"].endswith("/wiki"), first["_links"]
        assert first["_links"]["next"].startswith("/rest/api/content?"), first["_links"]
        second = wiki.get(first["_links"]["next"].lstrip("/"))
        same((second["start"], second["size"]), (3, 3))
        last = wiki.get_all_pages_from_space_raw(SPACE_KEY, start=6, limit=3)
        same((last["start"], last["size"], "next" in last["_links"]), (6, 1, False))
        # What was not asked for is not there, but named.
        page = first["results"][0]
        assert "body" not in page and "body" in page["_expandable"], page
        every = list(wiki.get_all_pages_from_space_as_generator(SPACE_KEY, limit=2))
        same(len({page["id"] for page in every}), 7)


def check_one_page():
    with world() as urls:
        wiki = client(urls)
        listed = wiki.get_all_pages_from_space(SPACE_KEY, limit=1, expand="body.storage,version")[0]
        page = wiki.get_page_by_id(listed["id"], expand="body.storage,version,space")
        same((page["id"], page["title"], page["type"]), (listed["id"], listed["title"], "page"))
        same((page["version"]["number"], page["space"]["key"]), (1, SPACE_KEY))
        same(page["body"]["storage"]["value"], listed["body"]["storage"]["value"])
        same(wiki.get_page_by_title(SPACE_KEY, listed["title"])["id"], listed["id"])
        same(wiki.get_page_by_title(SPACE_KEY, "No such title"), None)


def check_labels():
    with world() as urls:
        wiki = client(urls)
        page = first_page(wiki)
        same(wiki.get_page_labels(page)["size"], 0)
        (label,) = wiki.set_page_label(page, "runbook")["results"]
        same((label["prefix"], label["name"], label["label"]), ("global", "runbook", "runbook"))
        assert label["id"].isdigit(), label
        # An answer has all labels of the page; what is there already is not added twice.
        same(names(wiki.set_page_label(page, "postgres")), ["postgres", "runbook"])
        same(names(wiki.set_page_label(page, "runbook")), ["postgres", "runbook"])
        listed = wiki.get_page_labels(page, prefix="global", start=0, limit=200)
        same(
            (names(listed), listed["start"], listed["limit"], listed["size"]),
            (["postgres", "runbook"], 0, 200, 2),
        )
        same(len(wiki.get_page_labels(page, start=1, limit=1)["results"]), 1)
        seen = []
        wiki.session.hooks["response"].append(lambda response, **_: seen.append(response))
        assert not wiki.remove_page_label(page, "runbook")
        same((seen[0].status_code, seen[0].content), (204, b""))
        same(names(wiki.get_page_labels(page)), ["postgres"])


def check_many_labels_at_once():
    with world() as urls:
        wiki = client(urls)
        page = first_page(wiki)
        labels = [{"prefix": "global", "name": name} for name in ("kafka", "faq", "kafka")]
        same(names(wiki.post(f"rest/api/content/{page}/label", data=labels)), ["faq", "kafka"])


def check_what_becomes_of_a_label():
    with world() as urls:
        wiki = client(urls)
        page = first_page(wiki)
        # Spaces and commas separate labels, and every label is stored in lower case.
        same(names(wiki.set_page_label(page, "new abc, whatever")), ["abc", "new", "whatever"])
        holds(names(wiki.set_page_label(page, "RunBook")), "runbook")
        holds(names(wiki.set_page_label(page, "резервні-копії")), "резервні-копії")
        holds(names(wiki.set_page_label(page, "a/b")), "a/b")
        wiki.remove_page_label(page, "a/b")
        same(
            names(wiki.get_page_labels(page)),
            ["abc", "new", "runbook", "whatever", "резервні-копії"],
        )


def check_labels_that_are_refused():
    with world() as urls:
        wiki = client(urls)
        page = first_page(wiki)
        for character in ";.?&[]()#^*@!":
            is_error(raises(HTTPError, wiki.set_page_label, page, f"a{character}b"), 400)
        holds(names(wiki.set_page_label(page, "x" * 255)), "x" * 255)
        is_error(raises(HTTPError, wiki.set_page_label, page, "x" * 256), 400)
        path = f"rest/api/content/{page}/label"
        is_error(
            raises(HTTPError, wiki.post, path, data={"prefix": "global"}),
            400,
            "Could not parse Labels",
        )
        is_error(
            raises(HTTPError, wiki.post, path, data={"prefix": "odd", "name": "x"}),
            400,
            "Could not parse Labels",
        )
        same(names(wiki.get_page_labels(page)), ["x" * 255])


def check_unknown_page():
    with world() as urls:
        wiki = client(urls)
        for call in (wiki.get_page_by_id, wiki.get_page_labels):
            error = raises(ApiError, call, NOTHING)
            holds(str(error), "There is no content with the given id")
            is_error(error.reason, 404, "NotFoundException")
        error = raises(ApiError, wiki.set_page_label, NOTHING, "runbook")
        is_error(error.reason, 404, "NotFoundException")
        error = raises(ApiError, wiki.remove_page_label, NOTHING, "runbook")
        holds(str(error), "The content or label doesn't exist")
        is_error(error.reason, 404)
        error = raises(ApiPermissionError, wiki.get_all_pages_from_space, "NOPE")
        is_error(error.reason, 404, "No space with key : NOPE")
        error = raises(HTTPError, wiki.get, "rest/api/nothing")
        same(error.response.status_code, 404)


def check_forbidden_labels():
    with world(confluence="forbidden_labels = true") as urls:
        wiki = client(urls)
        page = first_page(wiki)
        is_error(raises(HTTPError, wiki.set_page_label, page, "runbook"), 403)
        error = raises(ApiPermissionError, wiki.remove_page_label, page, "runbook")
        holds(str(error), "no edit permission")
        is_error(error.reason, 403)
        same(wiki.get_page_labels(page)["results"], [])


def check_credentials():
    with world(confluence=f'tokens = ["{TOKEN}"]') as urls:
        page = first_page(client(urls))
        error = raises(HTTPError, first_page, client(urls, token="bad-token"))
        same((str(error), error.response.status_code), ("Unauthorized (401)", 401))
        same(error.response.headers["x-seraph-loginreason"], "AUTHENTICATED_FAILED")

        def bearer(token):
            return Confluence(url=urls["confluence"] + "/wiki", token=token, cloud=True)

        same(names(bearer(TOKEN).set_page_label(page, "runbook")), ["runbook"])
        error = raises(HTTPError, bearer("bad-token").get_page_labels, page)
        same(error.response.status_code, 401)
        # A client with a token of OAuth has to read pages through v2.
        is_error(raises(HTTPError, first_page, bearer(TOKEN)), 410, "GoneException")


def check_any_token_where_none_is_named():
    with world() as urls:
        assert first_page(client(urls, token="whatever"))


def check_throttled_and_retried_by_the_sdk():
    seen = []
    with world(confluence="rate_limit = { requests = 2, per_s = 2 }") as urls:
        wiki = client(urls, seen)
        start = time.monotonic()
        for _ in range(3):
            first_page(wiki)
        waited = time.monotonic() - start
    same([response.status_code for response in seen], [200, 200, 429, 200])
    assert float(seen[2].headers["retry-after"]) <= waited < 6, waited


def check_throttled():
    with world(confluence="rate_limit = { requests = 2, per_s = 60, retry_after_s = 30 }") as urls:
        wiki = client(urls, retry_with_header=False)
        first_page(wiki)
        first_page(wiki)
        error = raises(HTTPError, first_page, wiki)
    is_error(error, 429, "Rate limit exceeded")
    headers = error.response.headers
    same(
        (headers["retry-after"], headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]),
        ("30", "2", "0"),
    )
    reset = datetime.fromisoformat(headers["x-ratelimit-reset"])
    assert reset.tzinfo, headers
    is_now(reset)
    holds(headers["ratelimit-reason"], "burst")


def check_every_reply_is_named():
    seen = []
    with world() as urls:
        first_page(client(urls, seen))
    assert seen[0].headers["atl-traceid"] and seen[0].headers["server"] == "AtlassianEdge", seen[
        0
    ].headers


def check_server_errors():
    for status in (500, 503, 504):
        with world(confluence=f"fault = [{{ reply = {{ status = {status} }} }}]") as urls:
            seen = []
            error = raises(HTTPError, first_page, client(urls, seen))
            same((error.response.status_code, len(seen)), (status, 1))


def check_backoff_until_success():
    with world(
        confluence="fault = [{ when = { first_calls = 2 }, reply = { status = 503 } }]"
    ) as urls:
        assert first_page(
            client(urls, backoff_and_retry=True, max_backoff_retries=3, backoff_factor=0.01)
        )
    with world(confluence="fault = [{ reply = { status = 503 } }]") as urls:
        raises(
            RetryError,
            first_page,
            client(urls, backoff_and_retry=True, max_backoff_retries=2, backoff_factor=0.01),
        )


def check_broken_connections():
    with world(confluence='fault = [{ reply = { kind = "reset" } }]') as urls:
        raises(ConnectionError, first_page, client(urls))
    with world(confluence='fault = [{ reply = { kind = "timeout" } }]') as urls:
        raises(ReadTimeout, first_page, client(urls, timeout=1))


if __name__ == "__main__":
    run(globals())
