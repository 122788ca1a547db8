"""Drives the fake OpenAI with the openai SDK: chat completions and responses."""

import asyncio
import enum
import json
import re
import time
from typing import Optional

import openai
from pydantic import BaseModel, Field

from check import holds, is_now, raises, run, same
from prompt import INSTRUCTIONS, TAGS, TAXONOMY, many_pages, one_page
from serve import OPENAI_MODEL as MODEL, world

KEY = "good-key"
HELLO = [{"role": "user", "content": "Say hello."}]
# How Go writes a duration: 8.64s, 108ms, 1h2m3s.
DURATION = re.compile(r"^(\d+h)?(\d+m)?(\d+(\.\d+)?(s|ms))?$")


def client(urls, key=KEY, sent=None, send=None, max_retries=0, **options):
    """A client that notes each request in `sent`, and may change it with `send`."""

    def hook(request):
        if send:
            send(request)
        if sent is not None:
            sent.append(request)

    return openai.OpenAI(
        api_key=key,
        base_url=urls["openai"] + "/v1",
        max_retries=max_retries,
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [hook]}),
        **options,
    )


def ask(urls, messages=HELLO, model=MODEL, settings=None, **options):
    """One answer, of one client."""
    with client(urls, **options) as gpt:
        return gpt.chat.completions.create(model=model, messages=messages, **(settings or {}))


def is_error(error, status, kind, code):
    same((error.status_code, error.type, error.code), (status, kind, code))
    same(sorted(error.body), ["code", "message", "param", "type"])
    assert (
        error.request_id and error.request_id == error.response.headers["x-request-id"]
    ), error.request_id
    holds(error.message, str(status))


def tags_by_id(text):
    return {page["id"]: page["tags"] for page in json.loads(text)["pages"]}


def strict(properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def lists_schema():
    return strict({name: {"type": "array", "items": {"type": "string"}} for name in TAXONOMY})


def pages_schema():
    page = strict({"id": {"type": "string"}, "tags": lists_schema()})
    return strict({"pages": {"type": "array", "items": page}})


def json_schema(schema):
    return {
        "type": "json_schema",
        "json_schema": {"name": "tags", "strict": True, "schema": schema},
    }


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


def check_chat():
    with world() as urls:
        answer = ask(urls)
    assert answer.id.startswith("chatcmpl-"), answer.id
    same((answer.object, answer.model), ("chat.completion", MODEL))
    is_now(answer.created)
    (choice,) = answer.choices
    same((choice.index, choice.finish_reason, choice.logprobs), (0, "stop", None))
    same((choice.message.role, choice.message.refusal), ("assistant", None))
    assert choice.message.content, "no text"
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, usage
    same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    same(
        (
            usage.prompt_tokens_details.cached_tokens,
            usage.completion_tokens_details.reasoning_tokens,
        ),
        (0, 0),
    )
    assert answer._request_id, "no request id"


def check_other_model_of_the_price_table():
    with world() as urls:
        assert ask(urls, model="gpt-4o-mini").model.startswith("gpt-4o-mini")


def check_any_key_where_none_is_named():
    with world() as urls:
        assert ask(urls, key="whatever").choices


def check_headers():
    with world(openai="quota = { requests = 500, tokens = 200_000, per_s = 60 }") as urls, client(
        urls
    ) as gpt:
        raw = gpt.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
        headers = raw.headers
        same(
            (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]),
            ("500", "499"),
        )
        same(headers["x-ratelimit-limit-tokens"], "200000")
        assert 0 < int(headers["x-ratelimit-remaining-tokens"]) < 200_000, headers
        for name in ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"):
            assert headers[name] and DURATION.match(headers[name]), headers[name]
        same(headers["openai-version"], "2020-10-01")
        assert int(headers["openai-processing-ms"]) >= 0 and headers["openai-organization"], headers
        same(raw.parse()._request_id, headers["x-request-id"])


def check_one_page_with_four_lists():
    with world() as urls:
        messages = [{"role": "user", "content": INSTRUCTIONS + "\n" + one_page()}]
        same(json.loads(ask(urls, messages).choices[0].message.content), TAGS["100001"])
        messages = [
            {"role": "system", "content": INSTRUCTIONS.rstrip()},
            {"role": "user", "content": [{"type": "text", "text": one_page("100002")}]},
        ]
        answer = ask(urls, messages, settings={"response_format": json_schema(lists_schema())})
        same(json.loads(answer.choices[0].message.content), TAGS["100002"])


def check_many_pages():
    with world() as urls:
        messages = [{"role": "user", "content": INSTRUCTIONS + many_pages()}]
        for settings in ({}, {"response_format": json_schema(pages_schema())}):
            answer = ask(urls, messages, settings=settings)
            same(tags_by_id(answer.choices[0].message.content), TAGS)


def check_schema_of_the_caller():
    with world() as urls, client(urls) as gpt:
        answer = gpt.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Ticket)
        assert isinstance(answer.choices[0].message.parsed, Ticket), answer
        same(type(json.loads(answer.choices[0].message.content)["score"]), int)
        form = {"response_format": {"type": "json_object"}}
        # The service takes no such form without the word.
        same(raises(openai.BadRequestError, ask, urls, settings=form).param, "messages")
        words = [{"role": "user", "content": "Say hello as JSON."}]
        answer = ask(urls, words, settings=form)
        assert isinstance(json.loads(answer.choices[0].message.content), dict), answer


def check_stream():
    messages = [{"role": "user", "content": INSTRUCTIONS + many_pages()}]
    with world() as urls, client(urls) as gpt:
        chunks = list(
            gpt.chat.completions.create(
                model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
            )
        )
    *parts, last = chunks
    same({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
    same(parts[0].choices[0].delta.role, "assistant")
    same(tags_by_id("".join(part.choices[0].delta.content or "" for part in parts)), TAGS)
    same([part.choices[0].finish_reason for part in parts][-2:], [None, "stop"])
    # The tokens come last, without a choice.
    same(last.choices, [])
    same(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens)


def check_models():
    with world() as urls, client(urls) as gpt:
        models = {model.id: model for model in gpt.models.list()}
    holds(models, MODEL, "gpt-4o-mini")
    same(models[MODEL].object, "model")


def check_responses():
    with world() as urls, client(urls) as gpt:
        answer = gpt.responses.create(model=MODEL, instructions=INSTRUCTIONS, input=many_pages())
        assert answer.id.startswith("resp_"), answer.id
        same((answer.object, answer.status, answer.model), ("response", "completed", MODEL))
        same(
            (answer.error, answer.incomplete_details, answer.instructions),
            (None, None, INSTRUCTIONS),
        )
        same(tags_by_id(answer.output_text), TAGS)
        (message,) = answer.output
        same((message.type, message.role, message.status), ("message", "assistant", "completed"))
        usage = answer.usage
        assert usage.input_tokens > 0 and usage.output_tokens > 0, usage
        same(usage.total_tokens, usage.input_tokens + usage.output_tokens)
        same(
            (
                usage.input_tokens_details.cached_tokens,
                usage.output_tokens_details.reasoning_tokens,
            ),
            (0, 0),
        )
        is_now(answer.created_at)
        assert answer._request_id, answer
        # The same question as a list of messages.
        answer = gpt.responses.create(
            model=MODEL,
            input=[
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": one_page()},
            ],
        )
        same(json.loads(answer.output_text), TAGS["100001"])
        answer = gpt.responses.parse(
            model=MODEL, input="Make a ticket of this mail.", text_format=Ticket
        )
        assert isinstance(answer.output_parsed, Ticket), answer


def check_stream_of_a_response():
    question = INSTRUCTIONS + many_pages()
    with world() as urls, client(urls) as gpt:
        events = list(gpt.responses.create(model=MODEL, input=question, stream=True))
        same([event.sequence_number for event in events], list(range(len(events))))
        same(events[0].type, "response.created")
        same((events[0].response.status, events[0].response.output), ("in_progress", []))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert len(deltas) > 1, deltas
        same(events[-1].type, "response.completed")
        same(events[-1].response.output_text, "".join(deltas))
        assert events[-1].response.usage.total_tokens > 0, events[-1]
        # The SDK's own reader puts the same together.
        with gpt.responses.stream(model=MODEL, input=question) as stream:
            same(stream.get_final_response().output_text, "".join(deltas))
        events = list(
            gpt.responses.create(model=MODEL, input=question, stream=True, max_output_tokens=16)
        )
        same(events[-1].type, "response.incomplete")
        same(events[-1].response.incomplete_details.reason, "max_output_tokens")
    with world(openai='fault = [{ reply = { kind = "blocked" } }]') as urls, client(urls) as gpt:
        kinds = [e.type for e in gpt.responses.create(model=MODEL, input="Hello.", stream=True)]
        assert "response.refusal.delta" in kinds and "response.refusal.done" in kinds, kinds


def check_streams_come_bit_by_bit():
    question = INSTRUCTIONS + many_pages()
    with world(latency_ms=1500) as urls, client(urls) as gpt:
        for stream in (
            lambda: gpt.responses.create(model=MODEL, input=question, stream=True),
            lambda: gpt.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": question}], stream=True
            ),
        ):
            start = time.monotonic()
            came = [time.monotonic() - start for _ in stream()]
            assert came[0] < 1 and came[-1] > 1.4, came


def check_responses_fail_alike():
    with world(openai=f'keys = ["{KEY}"]\nquota = {{ requests = 1, per_s = 60 }}') as urls:
        with client(urls, key="bad-key") as gpt:
            error = raises(
                openai.AuthenticationError, gpt.responses.create, model=MODEL, input="Say hello."
            )
            is_error(error, 401, "invalid_request_error", "invalid_api_key")
        with client(urls) as gpt:
            error = raises(
                openai.NotFoundError, gpt.responses.create, model="gpt-0", input="Say hello."
            )
            same((error.status_code, error.code), (404, "model_not_found"))
            gpt.responses.create(model=MODEL, input="Say hello.")
            error = raises(
                openai.RateLimitError, gpt.responses.create, model=MODEL, input="Say hello."
            )
            is_error(error, 429, "requests", "rate_limit_exceeded")


def check_cut_at_the_limit():
    messages = [{"role": "user", "content": INSTRUCTIONS + many_pages()}]
    with world() as urls, client(urls) as gpt:
        error = raises(openai.BadRequestError, ask, urls, settings={"max_tokens": 12})
        same((error.param, error.code), ("max_tokens", "unsupported_parameter"))
        for limit in ({"max_completion_tokens": 12}, {"max_tokens": 12, "reasoning_effort": "none"}):
            answer = ask(urls, messages, settings=limit)
            same(
                (answer.choices[0].finish_reason, answer.usage.completion_tokens <= 12),
                ("length", True),
            )
        error = raises(
            openai.LengthFinishReasonError,
            gpt.chat.completions.parse,
            model=MODEL,
            messages=messages,
            max_completion_tokens=12,
            response_format=Ticket,
        )
        assert error.completion.usage.completion_tokens <= 12, error.completion
        # The responses API takes no limit below 16.
        answer = gpt.responses.create(
            model=MODEL, input=messages[0]["content"], max_output_tokens=16
        )
        same((answer.status, answer.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        same((answer.max_output_tokens, answer.usage.output_tokens <= 16), (16, True))


def check_refused_for_its_content():
    with world(openai='fault = [{ reply = { kind = "blocked" } }]') as urls, client(urls) as gpt:
        message = ask(urls).choices[0].message
        assert message.content is None and message.refusal, message
        answer = gpt.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Ticket)
        assert (
            answer.choices[0].message.parsed is None and answer.choices[0].message.refusal
        ), answer
        (part,) = gpt.responses.create(model=MODEL, input="Say hello.").output[0].content
        same(part.type, "refusal")
        assert part.refusal, part


def check_throttled():
    # These 50 characters are about 10 tokens: one prompt fits, two do not.
    messages = [{"role": "user", "content": "Say hello to all of the people in this big house."}]
    settings = {"max_completion_tokens": 1}
    for limit, kind, name in (
        ("requests = 1", "requests", "(RPM)"),
        ("tokens = 15", "tokens", "(TPM)"),
    ):
        sent = []
        with world(openai=f"quota = {{ {limit}, per_s = 60 }}") as urls:
            ask(urls, messages, settings=settings)
            error = raises(openai.RateLimitError, ask, urls, messages, settings=settings, sent=sent)
        is_error(error, 429, kind, "rate_limit_exceeded")
        same((len(sent), error.param), (1, None))
        holds(
            error.message, f"Rate limit reached for {MODEL}", name, "Limit ", "Please try again in "
        )
        headers = error.response.headers
        assert 0 < int(headers["retry-after"]) <= 60, headers
        assert 0 < int(headers["retry-after-ms"]) <= 60_000, headers
        assert int(headers[f"x-ratelimit-remaining-{kind}"]) < 20, headers
        assert DURATION.match(headers[f"x-ratelimit-reset-{kind}"]), headers


def check_retry_waits_as_told():
    # Told 3 s; left alone the SDK would come back twice within 1.5 s, and fail.
    sent = []
    with world(openai="quota = { requests = 1, per_s = 3 }") as urls:
        ask(urls)
        start = time.monotonic()
        assert ask(urls, sent=sent, max_retries=2).choices
        waited = time.monotonic() - start
    same([request.headers["x-stainless-retry-count"] for request in sent], ["0", "1"])
    assert 1.5 < waited < 6, waited


def check_retries_until_success():
    sent = []
    with world(openai="fault = [{ when = { first_calls = 2 }, reply = { status = 503 } }]") as urls:
        assert ask(urls, sent=sent, max_retries=2).choices
    same([request.headers["x-stainless-retry-count"] for request in sent], ["0", "1", "2"])


def check_insufficient_quota():
    sent = []
    codes = (
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    )
    with world(openai='fault = [{ reply = { kind = "insufficient-quota" } }]') as urls:
        # Nothing in the answer tells the SDK that no retry helps.
        error = raises(openai.RateLimitError, ask, urls, sent=sent, max_retries=1)
    assert error.code in codes, error.code
    is_error(error, 429, "insufficient_quota", error.code)
    same(len(sent), 2)
    assert "retry-after" not in error.response.headers, error.response.headers


def check_bad_key():
    with world(openai=f'keys = ["{KEY}"]') as urls:
        assert ask(urls).choices
        error = raises(openai.AuthenticationError, ask, urls, key="bad-key", max_retries=2)
        other = raises(openai.AuthenticationError, ask, urls, key="bad-key")
        assert error.request_id != other.request_id, error.request_id
    is_error(error, 401, "invalid_request_error", "invalid_api_key")
    holds(error.message, "Incorrect API key provided")
    # A key is never shown whole.
    assert "bad-key" not in error.message, error.message


def check_no_key():
    def without_key(request):
        del request.headers["authorization"]

    with world() as urls:
        error = raises(openai.AuthenticationError, ask, urls, send=without_key)
    same((error.status_code, error.type), (401, "invalid_request_error"))
    holds(error.message, "You didn't provide an API key")


def check_unknown_model():
    with world() as urls:
        error = raises(openai.NotFoundError, ask, urls, model="gpt-0")
    same((error.status_code, error.code), (404, "model_not_found"))
    holds(error.message, "gpt-0", "does not exist")


def check_unknown_route():
    with world() as urls, client(urls) as gpt:
        error = raises(openai.NotFoundError, gpt.post, "/nothing", cast_to=object)
    same((error.status_code, error.type), (404, "invalid_request_error"))
    holds(error.message, "Invalid URL (POST /v1/nothing)")


def check_bad_request():
    with world() as urls:
        error = raises(openai.BadRequestError, ask, urls, settings={"temperature": 5})
        is_error(error, 400, "invalid_request_error", "decimal_above_max_value")
        same(error.param, "temperature")
        error = raises(openai.BadRequestError, ask, urls, [])
        same((error.status_code, error.type), (400, "invalid_request_error"))
        same(error.param, "messages")


def check_server_errors():
    for status, code in ((500, None), (503, "server_is_overloaded"), (504, None)):
        with world(openai=f"fault = [{{ reply = {{ status = {status} }} }}]") as urls:
            error = raises(openai.InternalServerError, ask, urls)
        is_error(error, status, "server_error", code)


def check_broken_connections():
    with world(openai='fault = [{ reply = { kind = "reset" } }]') as urls:
        raises(openai.APIConnectionError, ask, urls)
    with world(openai='fault = [{ reply = { kind = "timeout" } }]') as urls:
        raises(openai.APITimeoutError, ask, urls, timeout=0.5)


def check_async():
    async def both(urls):
        async with openai.AsyncOpenAI(api_key=KEY, base_url=urls["openai"] + "/v1") as gpt:
            answer = await gpt.chat.completions.create(model=MODEL, messages=HELLO)
            assert answer.choices[0].message.content
            try:
                await gpt.chat.completions.create(model="gpt-0", messages=HELLO)
            except openai.NotFoundError as error:
                same(error.code, "model_not_found")
            else:
                raise AssertionError("no error")

    with world() as urls:
        asyncio.run(both(urls))


if __name__ == "__main__":
    run(globals())
