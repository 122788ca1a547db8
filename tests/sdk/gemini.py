"""Drives the fake Gemini with google-genai: 1.x, which calls /v1beta, or 3.x, which calls /v1."""

import asyncio
import enum
import json
import time
import warnings
from importlib.metadata import version
from typing import Optional

from google import genai
from google.genai import errors, types
from pydantic import BaseModel, Field

from check import holds, is_now, raises, run, same
from prompt import INSTRUCTIONS, TAGS, TAXONOMY, many_pages, one_page
from serve import GEMINI_MODEL as MODEL, world

KEY = "good-key"
API_VERSION = "v1beta" if version("google-genai").startswith("1.") else "v1"
RPC = "type.googleapis.com/google.rpc."

# Batches are marked as experimental in some versions.
warnings.simplefilter("ignore")


def client(urls, key=KEY, sent=None, send=None, **options):
    """A client that notes each request in `sent`, and may change it with `send`."""

    def hook(request):
        if send:
            send(request)
        if sent is not None:
            sent.append(request)

    return genai.Client(
        api_key=key,
        http_options=types.HttpOptions(
            base_url=urls["gemini"], client_args={"event_hooks": {"request": [hook]}}, **options
        ),
    )


def ask(urls, contents="Say hello.", model=MODEL, config=None, **options):
    """One answer, of one client."""
    with client(urls, **options) as gemini:
        return gemini.models.generate_content(model=model, contents=contents, config=config)


def config(**settings):
    return types.GenerateContentConfig(**settings)


def no_thinking(**settings):
    return config(thinking_config=types.ThinkingConfig(thinking_level="MINIMAL"), **settings)


def detail(error, kind):
    """The part of an error's details of this type, and no other of it."""
    found = [d for d in error.details["error"]["details"] if d["@type"] == RPC + kind]
    assert len(found) == 1, f"{len(found)} {kind} in {error.details}"
    return found[0]


def is_error(error, code, status):
    same((error.code, error.status), (code, status))
    same(error.details["error"]["code"], code)
    same(error.response.headers["content-type"], "application/json; charset=UTF-8")


def is_connection_error(error, name):
    """The SDK lets the errors of its HTTP library through, httpx or httpx2."""
    assert any(kind.__name__ == name for kind in type(error).__mro__), repr(error)


def lists_schema():
    lists = {
        name: types.Schema(type="ARRAY", items=types.Schema(type="STRING")) for name in TAXONOMY
    }
    return types.Schema(type="OBJECT", properties=lists, required=list(TAXONOMY))


def pages_schema():
    page = types.Schema(
        type="OBJECT",
        properties={"id": types.Schema(type="STRING"), "tags": lists_schema()},
        required=["id", "tags"],
    )
    pages = types.Schema(type="ARRAY", items=page)
    return types.Schema(type="OBJECT", properties={"pages": pages}, required=["pages"])


def tags_by_id(text):
    return {page["id"]: page["tags"] for page in json.loads(text)["pages"]}


class Urgency(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Person(BaseModel):
    name: str
    mail: Optional[str]


class Ticket(BaseModel):
    title: str
    urgency: Urgency
    score: int = Field(ge=1, le=5)
    share: float = Field(ge=0, le=1)
    open: bool
    labels: list[str] = Field(min_length=2, max_length=3)
    people: list[Person]


def check_plain():
    sent = []
    with world() as urls:
        answer = ask(urls, sent=sent)
    same(sent[0].url.path, f"/{API_VERSION}/models/{MODEL}:generateContent")
    assert answer.text, "no text"
    (candidate,) = answer.candidates
    same((candidate.finish_reason, candidate.content.role), (types.FinishReason.STOP, "model"))
    usage = answer.usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0, usage
    same(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count)
    same(usage.prompt_tokens_details[0].modality, types.MediaModality.TEXT)
    same(usage.prompt_tokens_details[0].token_count, usage.prompt_token_count)
    same(answer.model_version, MODEL)
    assert answer.response_id, "no response id"
    same(answer.prompt_feedback, None)


def check_other_model_of_the_price_table():
    with world() as urls:
        same(ask(urls, model="gemini-2.5-flash-lite").model_version, "gemini-2.5-flash-lite")


def check_any_key_where_none_is_named():
    with world() as urls:
        assert ask(urls, key="whatever").text


def check_one_page_with_four_lists():
    with world() as urls:
        answer = ask(urls, INSTRUCTIONS + "\n" + one_page())
        same(json.loads(answer.text), TAGS["100001"])
        # The same where the answer's form is asked for, and the list stands in the instruction.
        answer = ask(
            urls,
            one_page("100002"),
            config=config(
                system_instruction=INSTRUCTIONS.rstrip(),
                response_mime_type="application/json",
                response_schema=lists_schema(),
            ),
        )
        same(answer.parsed, TAGS["100002"])


def check_many_pages():
    with world() as urls:
        answer = ask(urls, INSTRUCTIONS + many_pages())
        same(tags_by_id(answer.text), TAGS)
        answer = ask(
            urls,
            many_pages(),
            config=config(
                system_instruction=INSTRUCTIONS,
                response_mime_type="application/json",
                response_schema=pages_schema(),
            ),
        )
        same(tags_by_id(answer.text), TAGS)


def check_system_instruction_counts():
    with world() as urls:
        alone = ask(urls).usage_metadata.prompt_token_count
        with_it = ask(urls, config=config(system_instruction="You are brief. " * 20))
        assert with_it.usage_metadata.prompt_token_count > alone + 20


def check_schema_of_the_caller():
    with world() as urls:
        answer = ask(
            urls,
            "Make a ticket of this mail.",
            config=config(response_mime_type="application/json", response_schema=Ticket),
        )
        assert isinstance(answer.parsed, Ticket), answer.text
        same(type(json.loads(answer.text)["score"]), int)
        answer = ask(
            urls,
            "Make tickets of these mails.",
            config=config(response_mime_type="application/json", response_schema=list[Ticket]),
        )
        assert all(isinstance(ticket, Ticket) for ticket in answer.parsed), answer.text
        # Two forms more that the service takes: JSON Schema, and one value of an enum.
        answer = ask(
            urls,
            "Make a ticket of this mail.",
            config=config(
                response_mime_type="application/json",
                response_json_schema=Ticket.model_json_schema(),
            ),
        )
        Ticket.model_validate_json(answer.text)
        answer = ask(
            urls,
            "How urgent is it?",
            config=config(response_mime_type="text/x.enum", response_schema=Urgency),
        )
        assert isinstance(answer.parsed, Urgency), answer.text


def check_count_tokens():
    sent = []
    with world() as urls, client(urls, sent=sent) as gemini:
        short = gemini.models.count_tokens(model=MODEL, contents="Say hello.").total_tokens
        long = gemini.models.count_tokens(model=MODEL, contents="Say hello. " * 30).total_tokens
        assert 0 < short < long, (short, long)
        same(ask(urls).usage_metadata.prompt_token_count, short)
    same(sent[0].url.path, f"/{API_VERSION}/models/{MODEL}:countTokens")


def check_models():
    with world() as urls, client(urls) as gemini:
        models = {model.name: model for model in gemini.models.list()}
        holds(models, f"models/{MODEL}", "models/gemini-2.5-flash-lite")
        in_pages = [model.name for model in gemini.models.list(config={"page_size": 2})]
        same(in_pages, list(models))
        model = gemini.models.get(model=MODEL)
        same(model.name, f"models/{MODEL}")
        assert (
            model.display_name and model.input_token_limit > 0 and model.output_token_limit > 0
        ), model
        holds(model.supported_actions, "generateContent", "countTokens", "batchGenerateContent")
        is_error(raises(errors.ClientError, gemini.models.get, model="gemini-0"), 404, "NOT_FOUND")


def check_stream():
    sent = []
    many = {str(page): (f"Page {page}", "A guide to kafka.") for page in range(1, 41)}
    with world() as urls, client(urls, sent=sent) as gemini:
        prompt = INSTRUCTIONS + many_pages(many)
        chunks = list(gemini.models.generate_content_stream(model=MODEL, contents=prompt))
    same(
        (sent[0].url.path, sent[0].url.params["alt"]),
        (f"/{API_VERSION}/models/{MODEL}:streamGenerateContent", "sse"),
    )
    # A long answer comes in parts, and the last part says why it ends.
    assert len(chunks) > 1, "one chunk"
    same(list(tags_by_id("".join(chunk.text or "" for chunk in chunks))), list(many))
    same({chunk.candidates[0].finish_reason for chunk in chunks[:-1]}, {None})
    same(chunks[-1].candidates[0].finish_reason, types.FinishReason.STOP)
    usage = chunks[-1].usage_metadata
    same(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count)
    same(len({chunk.response_id for chunk in chunks}), 1)


def check_stream_comes_bit_by_bit():
    many = {str(page): (f"Page {page}", "A guide to kafka.") for page in range(1, 41)}
    with world(latency_ms=1500) as urls, client(urls) as gemini:
        start = time.monotonic()
        prompt = INSTRUCTIONS + many_pages(many)
        stream = gemini.models.generate_content_stream(model=MODEL, contents=prompt)
        came = [time.monotonic() - start for _ in stream]
    assert came[0] < 1 and came[-1] > 1.4, came


def check_stream_refused_and_blocked():
    def stream(urls):
        with client(urls) as gemini:
            return list(gemini.models.generate_content_stream(model=MODEL, contents="Say hello."))

    with world(gemini="quota = { requests = 1, per_s = 60 }") as urls:
        assert stream(urls)
        error = raises(errors.ClientError, stream, urls)
        is_error(error, 429, "RESOURCE_EXHAUSTED")
        holds(detail(error, "RetryInfo")["retryDelay"], "s")
    with world(gemini='fault = [{ reply = { kind = "blocked" } }]') as urls:
        (chunk,) = stream(urls)
        same(chunk.prompt_feedback.block_reason, types.BlockedReason.PROHIBITED_CONTENT)


def check_async():
    async def both(urls):
        gemini = client(urls).aio
        answer = await gemini.models.generate_content(model=MODEL, contents="Say hello.")
        assert answer.text
        stream = await gemini.models.generate_content_stream(model=MODEL, contents="Say hello.")
        assert "".join([chunk.text or "" async for chunk in stream])
        try:
            await gemini.models.generate_content(model="gemini-0", contents="Say hello.")
        except errors.ClientError as error:
            same((error.code, error.status), (404, "NOT_FOUND"))
        else:
            raise AssertionError("no error")

    with world() as urls:
        asyncio.run(both(urls))


def job(gemini):
    """A batch job of the pages, one request each."""
    requests = [
        types.InlinedRequest(contents=INSTRUCTIONS + "\n" + one_page(page), metadata={"key": page})
        for page in TAGS
    ]
    return gemini.batches.create(model=MODEL, src=requests, config={"display_name": "tags-1"})


def check_batch():
    with world(gemini="batch_s = 1") as urls, client(urls) as gemini:
        made = job(gemini)
        assert made.name.startswith("batches/"), made.name
        same((made.display_name, made.model), ("tags-1", f"models/{MODEL}"))
        assert made.state in (
            types.JobState.JOB_STATE_PENDING,
            types.JobState.JOB_STATE_RUNNING,
        ), made.state
        is_now(made.create_time)
        is_now(made.update_time)
        same((made.end_time, made.dest), (None, None))
        patience = time.monotonic() + 20
        while not (got := gemini.batches.get(name=made.name)).done:
            assert time.monotonic() < patience, got
            time.sleep(0.2)
        same(got.state, types.JobState.JOB_STATE_SUCCEEDED)
        assert (got.end_time - got.create_time).total_seconds() >= 1, got
        same([json.loads(r.response.text) for r in got.dest.inlined_responses], list(TAGS.values()))
        if "metadata" in types.InlinedResponse.model_fields:
            same([r.metadata["key"] for r in got.dest.inlined_responses], list(TAGS))
        assert got.dest.inlined_responses[0].response.usage_metadata.total_token_count > 0
        same([listed.name for listed in gemini.batches.list()], [made.name])
        gemini.batches.delete(name=made.name)
        is_error(raises(errors.ClientError, gemini.batches.get, name=made.name), 404, "NOT_FOUND")
        same(list(gemini.batches.list()), [])


def check_batch_cancelled():
    with world(gemini="batch_s = 60") as urls, client(urls) as gemini:
        made = job(gemini)
        gemini.batches.cancel(name=made.name)
        got = gemini.batches.get(name=made.name)
        same((got.state, got.done), (types.JobState.JOB_STATE_CANCELLED, True))
        is_error(
            raises(errors.ClientError, gemini.batches.cancel, name="batches/nothing"),
            404,
            "NOT_FOUND",
        )


def check_blocked():
    with world(gemini='fault = [{ reply = { kind = "blocked" } }]') as urls:
        answer = ask(urls)
    same(answer.prompt_feedback.block_reason, types.BlockedReason.PROHIBITED_CONTENT)
    same((answer.candidates, answer.text), (None, None))
    same(answer.usage_metadata.total_token_count, answer.usage_metadata.prompt_token_count)


def check_thinking():
    with world(gemini="thinking_tokens = 300") as urls:
        # Thinking eats the whole budget: nothing is left for the answer.
        answer = ask(urls, config=config(max_output_tokens=200))
        (candidate,) = answer.candidates
        same(
            (candidate.finish_reason, candidate.content.parts, answer.text),
            (types.FinishReason.MAX_TOKENS, None, None),
        )
        usage = answer.usage_metadata
        assert 0 < usage.thoughts_token_count <= 200 and not usage.candidates_token_count, usage
        same(usage.total_token_count, usage.prompt_token_count + usage.thoughts_token_count)

        answer = ask(urls, config=config(max_output_tokens=4000))
        assert answer.text
        usage = answer.usage_metadata
        same(usage.thoughts_token_count, 300)
        same(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count + 300)

        answer = ask(urls, config=no_thinking(max_output_tokens=200))
        assert answer.text
        same(answer.usage_metadata.thoughts_token_count, None)
        # A model knows budgets or levels, not both.
        for model, thinking in (
            ("gemini-2.5-flash-lite", {"thinking_level": "LOW"}),
            (MODEL, {"thinking_budget": 0}),
        ):
            settings = config(thinking_config=types.ThinkingConfig(**thinking))
            error = raises(errors.ClientError, ask, urls, config=settings, model=model)
            is_error(error, 400, "INVALID_ARGUMENT")


def check_cut_at_the_limit():
    with world() as urls:
        answer = ask(urls, INSTRUCTIONS + many_pages(), config=no_thinking(max_output_tokens=12))
        same(answer.candidates[0].finish_reason, types.FinishReason.MAX_TOKENS)
        assert answer.text and answer.usage_metadata.candidates_token_count <= 12, answer
        raises(json.JSONDecodeError, json.loads, answer.text)


def check_broken_answers():
    settings = config(response_mime_type="application/json", response_schema=pages_schema())
    for kind in ("malformed", "truncated"):
        with world(gemini=f'fault = [{{ reply = {{ kind = "{kind}" }} }}]') as urls:
            answer = ask(urls, INSTRUCTIONS + many_pages(), config=settings)
            assert answer.text and answer.parsed is None, answer
    with world(gemini='fault = [{ reply = { kind = "missing-pages" } }]') as urls:
        answer = ask(urls, INSTRUCTIONS + many_pages(), config=settings)
        assert 0 < len(tags_by_id(answer.text)) < len(TAGS), answer.text


# What a refusal names, by what ran out and the kind of account.
QUOTAS = {
    ("requests = 1", "free"): (
        "generate_content_free_tier_requests",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    ),
    ("requests = 1", "paid"): (
        "generate_requests_per_model",
        "GenerateRequestsPerMinutePerProjectPerModel",
    ),
    ("tokens = 15", "free"): (
        "generate_content_free_tier_input_token_count",
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
    ),
    ("tokens = 15", "paid"): (
        "generate_content_paid_tier_input_token_count",
        "GenerateContentPaidTierInputTokensPerModelPerMinute",
    ),
    ("per_day = 1", "free"): (
        "generate_content_free_tier_requests",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ),
    ("per_day = 1", "paid"): (
        "generate_requests_per_model_per_day",
        "GenerateRequestsPerDayPerProjectPerModel",
    ),
}


def check_throttled():
    # These 50 characters are about 10 tokens: one prompt fits, two do not.
    prompt = "Say hello to all of the people in this big house."
    for (limit, tier), (metric, quota_id) in QUOTAS.items():
        sent = []
        with world(gemini=f'quota = {{ {limit}, per_s = 60, tier = "{tier}" }}') as urls:
            ask(urls, prompt)
            error = raises(errors.ClientError, ask, urls, prompt, sent=sent)
        is_error(error, 429, "RESOURCE_EXHAUSTED")
        same(len(sent), 1)
        value = limit.split()[-1]
        metric = f"generativelanguage.googleapis.com/{metric}"
        holds(
            error.message,
            "You exceeded your current quota",
            f"{metric}, limit: {value}, model: {MODEL}",
            "Please retry in ",
        )
        (violation,) = detail(error, "QuotaFailure")["violations"]
        same(
            (violation["quotaMetric"], violation["quotaId"], violation["quotaValue"]),
            (metric, quota_id, value),
        )
        same(violation["quotaDimensions"], {"location": "global", "model": MODEL})
        delay = detail(error, "RetryInfo")["retryDelay"]
        assert delay.endswith("s") and 0 < float(delay[:-1]) <= 60, delay
        assert detail(error, "Help")["links"][0]["url"].startswith("https://"), error.details
        # The service states the delay in the body alone.
        assert "retry-after" not in error.response.headers, error.response.headers


def check_retries_until_success():
    soon = types.HttpRetryOptions(attempts=6, initial_delay=0.2, max_delay=1, jitter=0.01)
    for code in (429, 500, 503, 504):
        sent = []
        with world(
            gemini=f"fault = [{{ when = {{ first_calls = 2 }}, reply = {{ status = {code} }} }}]"
        ) as urls:
            assert ask(urls, sent=sent, retry_options=soon).text
        same(len(sent), 3)
    with world(gemini="quota = { requests = 1, per_s = 1 }") as urls:
        ask(urls)
        sent = []
        assert ask(urls, sent=sent, retry_options=soon).text
        assert len(sent) > 1, "not throttled"


def check_retries_run_out():
    sent = []
    twice = types.HttpRetryOptions(attempts=2, initial_delay=0.05, jitter=0.01)
    with world(gemini="fault = [{ reply = { status = 503 } }]") as urls:
        is_error(
            raises(errors.ServerError, ask, urls, sent=sent, retry_options=twice),
            503,
            "UNAVAILABLE",
        )
    same(len(sent), 2)


def check_server_errors():
    kinds = {
        500: ("INTERNAL", "Internal error"),
        503: ("UNAVAILABLE", "high demand"),
        504: ("DEADLINE_EXCEEDED", "Deadline expired"),
    }
    for code, (status, message) in kinds.items():
        sent = []
        with world(gemini=f"fault = [{{ reply = {{ status = {code} }} }}]") as urls:
            error = raises(errors.ServerError, ask, urls, sent=sent)
        is_error(error, code, status)
        holds(error.message, message)
        # Without the option the SDK does not retry.
        same((len(sent), "details" in error.details["error"]), (1, False))


def check_bad_key():
    with world(gemini=f'keys = ["{KEY}"]') as urls:
        assert ask(urls).text
        error = raises(errors.ClientError, ask, urls, key="bad-key")
        is_error(error, 400, "INVALID_ARGUMENT")
        same(error.message, "API key not valid. Please pass a valid API key.")
        info = detail(error, "ErrorInfo")
        same((info["reason"], info["domain"]), ("API_KEY_INVALID", "googleapis.com"))
        same(info["metadata"]["service"], "generativelanguage.googleapis.com")
        # Every operation wants a key.
        with client(urls, key="bad-key") as gemini:
            is_error(
                raises(errors.ClientError, gemini.models.get, model=MODEL), 400, "INVALID_ARGUMENT"
            )
            error = raises(errors.ClientError, gemini.batches.get, name="batches/nothing")
            is_error(error, 400, "INVALID_ARGUMENT")


def check_no_key():
    def without_key(request):
        del request.headers["x-goog-api-key"]

    with world() as urls:
        error = raises(errors.ClientError, ask, urls, send=without_key)
    is_error(error, 403, "PERMISSION_DENIED")
    holds(error.message, "unregistered callers")


def check_key_in_query():
    def in_query(request):
        del request.headers["x-goog-api-key"]
        request.url = request.url.copy_add_param("key", KEY)

    with world(gemini=f'keys = ["{KEY}"]') as urls:
        assert ask(urls, send=in_query).text


def check_unknown_model():
    with world() as urls:
        error = raises(errors.ClientError, ask, urls, model="gemini-0")
        is_error(error, 404, "NOT_FOUND")
        holds(
            error.message,
            f"models/gemini-0 is not found for API version {API_VERSION}",
            "ListModels",
        )
        with client(urls) as gemini:
            error = raises(
                errors.ClientError, gemini.models.count_tokens, model="gemini-0", contents="Hello"
            )
            is_error(error, 404, "NOT_FOUND")


def check_bad_request():
    with world() as urls:
        error = raises(errors.ClientError, ask, urls, config=config(temperature=3.0))
        is_error(error, 400, "INVALID_ARGUMENT")
        holds(error.message, "temperature")
        error = raises(errors.ClientError, ask, urls, config=config(response_mime_type="text/html"))
        is_error(error, 400, "INVALID_ARGUMENT")


def check_safety_settings():
    setting = types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")
    with world() as urls:
        assert ask(
            urls, config=config(safety_settings=[setting], seed=7, temperature=0.1, top_p=0.9)
        ).text


def check_broken_connections():
    with world(gemini='fault = [{ reply = { kind = "reset" } }]') as urls:
        is_connection_error(raised(ask, urls), "TransportError")
    with world(gemini='fault = [{ reply = { kind = "timeout" } }]') as urls:
        is_connection_error(raised(ask, urls, timeout=500), "ReadTimeout")


def raised(call, *args, **kwargs):
    """Whatever the call raises."""
    try:
        call(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError("no error")


if __name__ == "__main__":
    run(globals())
