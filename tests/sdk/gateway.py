"""Drives the fakes of Gemini and OpenAI through litellm, as a gateway does."""

import json
import os

# The table of prices comes with the package; the fakes need no network beyond the loopback.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_LOG"] = "CRITICAL"

import litellm

from check import holds, raises, run, same
from prompt import INSTRUCTIONS, TAGS, TAXONOMY, many_pages, one_page
from serve import GEMINI_MODEL, OPENAI_MODEL, world

litellm.suppress_debug_info = True

KEY = "good-key"
HELLO = [{"role": "user", "content": "Say hello."}]


def provider(urls, name, model=None, key=KEY):
    """Where and with what litellm finds a provider."""
    if name == "gemini":
        model = f"gemini/{model or GEMINI_MODEL}"
        return {"model": model, "api_base": urls["gemini"] + "/v1beta", "api_key": key}
    return {
        "model": f"openai/{model or OPENAI_MODEL}",
        "api_base": urls["openai"] + "/v1",
        "api_key": key,
    }


def ask(urls, name, messages=HELLO, model=None, key=KEY, **settings):
    settings = {"max_retries": 0, **settings}
    return litellm.completion(messages=messages, **provider(urls, name, model, key), **settings)


def each(**tables):
    """Both providers, each in a world of its own."""
    for name in ("gemini", "openai"):
        with world(**{name: tables.get(name, tables.get("both", ""))}) as urls:
            yield urls, name


def is_error(error, name, status):
    same((error.status_code, error.llm_provider), (status, name))


def lists_schema():
    lists = {name: {"type": "array", "items": {"type": "string"}} for name in TAXONOMY}
    schema = {
        "type": "object",
        "properties": lists,
        "required": list(lists),
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "tags", "strict": True, "schema": schema},
    }


def check_answers():
    for urls, name in each():
        answer = ask(urls, name)
        same((answer.object, answer.choices[0].finish_reason), ("chat.completion", "stop"))
        assert answer.choices[0].message.content, answer
        usage = answer.usage
        assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, usage
        same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)


def check_tags():
    for urls, name in each():
        answer = ask(urls, name, [{"role": "user", "content": INSTRUCTIONS + many_pages()}])
        pages = json.loads(answer.choices[0].message.content)["pages"]
        same({page["id"]: page["tags"] for page in pages}, TAGS)
        messages = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": one_page()},
        ]
        answer = ask(urls, name, messages, response_format=lists_schema())
        same(json.loads(answer.choices[0].message.content), TAGS["100001"])


def check_stream():
    messages = [{"role": "user", "content": INSTRUCTIONS + many_pages()}]
    for urls, name in each():
        chunks = list(ask(urls, name, messages, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        same({page["id"]: page["tags"] for page in json.loads(text)["pages"]}, TAGS)
        same(chunks[-1].choices[0].finish_reason, "stop")


def check_thinking_that_eats_the_budget():
    with world(gemini="thinking_tokens = 300") as urls:
        answer = ask(urls, "gemini", max_tokens=200)
    same((answer.choices[0].finish_reason, answer.choices[0].message.content), ("length", None))
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0, answer.usage


def check_blocked():
    with world(gemini='fault = [{ reply = { kind = "blocked" } }]') as urls:
        same(ask(urls, "gemini").choices[0].finish_reason, "content_filter")


def check_throttled():
    for urls, name in each(both="quota = { requests = 1, per_s = 60 }"):
        ask(urls, name)
        error = raises(litellm.RateLimitError, ask, urls, name)
        is_error(error, name, 429)
        holds(str(error), "quota" if name == "gemini" else "Rate limit reached")


def check_insufficient_quota():
    with world(openai='fault = [{ reply = { kind = "insufficient-quota" } }]') as urls:
        error = raises(litellm.RateLimitError, ask, urls, "openai")
    is_error(error, "openai", 429)


def check_server_errors():
    kinds = {500: litellm.InternalServerError, 503: litellm.ServiceUnavailableError}
    for status, kind in kinds.items():
        for urls, name in each(both=f"fault = [{{ reply = {{ status = {status} }} }}]"):
            is_error(raises(kind, ask, urls, name), name, status)


def check_bad_key():
    for urls, name in each(both=f'keys = ["{KEY}"]'):
        assert ask(urls, name).choices
        error = raises(litellm.AuthenticationError, ask, urls, name, key="bad-key")
        # Gemini says 400, and litellm reads from its text that the key is meant.
        is_error(error, name, 401)


def check_unknown_model():
    for urls, name in each():
        is_error(raises(litellm.NotFoundError, ask, urls, name, model="model-0"), name, 404)


def check_bad_request():
    # litellm itself keeps the temperature from newer models.
    models = {"gemini": "gemini-2.5-flash-lite", "openai": "gpt-4o-mini"}
    for urls, name in each():
        error = raises(litellm.BadRequestError, ask, urls, name, model=models[name], temperature=5)
        is_error(error, name, 400)
        holds(str(error), "temperature")


def check_retries_until_success():
    for urls, name in each(
        both="fault = [{ when = { first_calls = 2 }, reply = { status = 503 } }]"
    ):
        assert ask(urls, name, num_retries=3).choices


def check_falls_back():
    with world(gemini="quota = { requests = 1, per_s = 60 }") as urls:
        router = litellm.Router(
            model_list=[
                {"model_name": name, "litellm_params": provider(urls, name)}
                for name in ("gemini", "openai")
            ],
            fallbacks=[{"gemini": ["openai"]}],
            num_retries=0,
        )
        models = [router.completion(model="gemini", messages=HELLO).model for _ in range(2)]
    holds(models[0], GEMINI_MODEL)
    holds(models[1], OPENAI_MODEL)


if __name__ == "__main__":
    run(globals())
