"""Drives the fake Confluence with ConfluenceV2 of atlassian-python-api 5, which follows cursors."""

import time
import warnings

from atlassian import ConfluenceV2
from requests.exceptions import HTTPError

from check import holds, raises, run, same
from serve import SPACE_KEY, world

USER, TOKEN = "user@example.com", "good-token"
NOTHING = "999999999"

# The SDK warns at every start that it is not version 1.
warnings.simplefilter("ignore")


def client(urls, seen=None, token=TOKEN, **options):
    """A client that notes each response in `seen`."""
    wiki = ConfluenceV2(url=urls["confluence"] + "/wiki", username=USER, password=token, **options)
    if seen is not None:
        wiki.session.hooks["response"].append(lambda response, **_: seen.append(response))
    return wiki


def space_id(wiki):
    return wiki.get_space_by_key(SPACE_KEY)["id"]


def all_pages(wiki, **options):
    return wiki.get_pages(space_id=space_id(wiki), body_format="storage", **options)


def is_error(error, status, code):
    """The error has the shape of v2, in which the SDK, looking for messages, finds none."""
    same((type(error), error.response.status_code), (HTTPError, status))
    (body,) = error.response.json()["errors"]
    same((body["status"], body["code"]), (status, code))
    assert body["title"] and "detail" in body, body
    same(str(error), "")


def check_spaces():
    with world() as urls:
        wiki = client(urls)
        (space,) = wiki.get_spaces(keys=[SPACE_KEY])
        same((space["key"], space["type"], space["status"]), (SPACE_KEY, "global", "current"))
        assert space["id"].isdigit() and space["name"], space
        holds(space, "authorId", "createdAt", "homepageId", "description", "icon", "_links")
        same(wiki.get_space(space["id"])["key"], SPACE_KEY)
        same([space["key"] for space in wiki.get_spaces()], [SPACE_KEY])
        # Keys are a filter: one that nobody has finds nothing.
        same(wiki.get_spaces(keys=["NOPE"]), [])
        raises(ValueError, wiki.get_space_by_key, "NOPE")
        is_error(raises(HTTPError, wiki.get_space, NOTHING), 404, "NOT_FOUND")


def check_pages_by_cursor():
    seen = []
    with world() as urls:
        wiki = client(urls, seen)
        pages = all_pages(wiki, limit=3)
        same(len({page["id"] for page in pages}), 7)
        for page in pages:
            same((page["status"], page["version"]["number"]), ("current", 1))
            same(
                (page["spaceId"], page["body"]["storage"]["representation"]),
                (space_id(wiki), "storage"),
            )
            assert page["id"].isdigit() and page["title"], page
            holds(page, "createdAt", "authorId", "parentId", "position", "lastOwnerId")
            holds(page["version"], "createdAt", "authorId", "message", "minorEdit")
            assert page["body"]["storage"]["value"].startswith("<"), page
    lists = [
        response for response in seen if response.request.path_url.startswith("/wiki/api/v2/pages?")
    ]
    same(len(lists), 3)
    # The next part is named in the header and in the body, and nowhere on the last one.
    for response in lists[:-1]:
        same(response.json()["_links"]["next"], response.links["next"]["url"])
        assert response.links["next"]["url"].startswith("/wiki/api/v2/pages?"), response.links
        holds(
            response.links["next"]["url"], "cursor=", "space-id=", "body-format=storage", "limit=3"
        )
    assert "next" not in lists[-1].links and "next" not in lists[-1].json()["_links"], lists[
        -1
    ].headers


def check_pages_of_a_space():
    with world() as urls:
        wiki = client(urls)
        path = f"api/v2/spaces/{space_id(wiki)}/pages"
        ids = []
        params = {"limit": 3}
        while params:
            got = wiki.get(path, params=params)
            ids += [page["id"] for page in got["results"]]
            # Without a format there is no body.
            same([page["body"] for page in got["results"]], [{}] * len(got["results"]))
            cursor = got["_links"].get("next", "").partition("cursor=")[2].partition("&")[0]
            params = cursor and {"limit": 3, "cursor": cursor}
        same(ids, [page["id"] for page in all_pages(wiki)])
        is_error(raises(HTTPError, wiki.get, f"api/v2/spaces/{NOTHING}/pages"), 404, "NOT_FOUND")


def check_order_and_filter():
    with world() as urls:
        wiki = client(urls)
        pages = all_pages(wiki)
        same([page["id"] for page in pages], sorted((page["id"] for page in pages), key=int))
        same(
            [page["id"] for page in all_pages(wiki, sort="-id", limit=3)],
            [page["id"] for page in reversed(pages)],
        )
        same([page["id"] for page in all_pages(wiki, title=pages[3]["title"])], [pages[3]["id"]])


def check_one_page():
    with world() as urls:
        wiki = client(urls)
        listed = all_pages(wiki)[2]
        page = wiki.get_page_by_id(listed["id"], body_format="storage")
        same(
            (page["id"], page["title"], page["spaceId"]),
            (listed["id"], listed["title"], listed["spaceId"]),
        )
        same((page["version"]["number"], page["body"]), (1, listed["body"]))
        is_error(raises(HTTPError, wiki.get_page_by_id, NOTHING), 404, "NOT_FOUND")


def check_labels():
    with world() as urls:
        wiki = client(urls)
        page = all_pages(wiki)[0]["id"]
        same(wiki.get_page_labels(page), [])
        # Version 2 cannot write labels; its client has to use version 1.
        error = raises(HTTPError, wiki.add_page_label, page, "runbook")
        assert error.response.status_code in (404, 405), error.response.status_code
        for name in ("runbook", "kafka", "faq", "billing", "guide"):
            wiki.post(f"rest/api/content/{page}/label", data=[{"prefix": "global", "name": name}])
        labels = wiki.get_page_labels(page, prefix="global", limit=2)
        same(
            sorted(label["name"] for label in labels),
            ["billing", "faq", "guide", "kafka", "runbook"],
        )
        same({label["prefix"] for label in labels}, {"global"})
        same(len({label["id"] for label in labels}), 5)
        same(wiki.get_page_labels(page, prefix="my"), [])
        is_error(raises(HTTPError, wiki.get_page_labels, NOTHING), 404, "NOT_FOUND")


def check_bad_requests():
    with world() as urls:
        wiki = client(urls)
        for name in ("cursor", "limit", "body-format"):
            error = raises(HTTPError, wiki.get, "api/v2/pages", params={name: "nonsense"})
            is_error(error, 400, "INVALID_REQUEST_PARAMETER")
            holds(error.response.json()["errors"][0]["title"], f"'{name}' is not the correct type")
        same(raises(HTTPError, wiki.get, "api/v2/nothing").response.status_code, 404)


def check_credentials():
    with world(confluence=f'tokens = ["{TOKEN}"]') as urls:
        assert space_id(client(urls))
        assert ConfluenceV2(url=urls["confluence"] + "/wiki", token=TOKEN).get_spaces()
        same(raises(HTTPError, space_id, client(urls, token="bad-token")).response.status_code, 401)


def check_throttled_and_retried_by_the_sdk():
    seen = []
    with world(confluence="rate_limit = { requests = 2, per_s = 2 }") as urls:
        wiki = client(urls, seen)
        start = time.monotonic()
        for _ in range(3):
            space_id(wiki)
        waited = time.monotonic() - start
    same([response.status_code for response in seen], [200, 200, 429, 200])
    assert float(seen[2].headers["retry-after"]) <= waited < 6, waited


def check_throttled_again_and_again():
    seen = []
    with world(confluence="fault = [{ reply = { status = 429, retry_after_s = 1 } }]") as urls:
        error = raises(HTTPError, space_id, client(urls, seen))
    same([response.status_code for response in seen], [429, 429])
    same(error.response.status_code, 429)


def check_server_errors():
    for status in (500, 503):
        with world(confluence=f"fault = [{{ reply = {{ status = {status} }} }}]") as urls:
            same(raises(HTTPError, space_id, client(urls)).response.status_code, status)


if __name__ == "__main__":
    run(globals())
