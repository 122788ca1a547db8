"""Structured outputs as instructor, LangChain and pydantic-ai ask the fakes for them; Gemini in OpenAI's
language, and its interactions."""

import json
import os
import warnings

# None of them may tell anybody of this.
os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
warnings.simplefilter("ignore")

import instructor
import openai
from google import genai
from google.genai import types
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from check import holds, raises, run, same
from prompt import INSTRUCTIONS, one_page
from serve import GEMINI_MODEL, OPENAI_MODEL, world

# The fake takes the longer part of a prompt for the page: longer than what instructor says before it.
PROMPT = INSTRUCTIONS + 16 * one_page()
MESSAGES = [{"role": "user", "content": PROMPT}]


class Tags(BaseModel):
    """In another order than the taxonomy's."""

    tool: list[str]
    doc: list[str]


class Defaults(BaseModel):
    """Nothing of it is required."""

    labels: list[str] = []
    summary: str = ""


def is_right(tags):
    # instructor answers with a kind of its own.
    assert isinstance(tags, Tags), repr(tags)
    same(tags.model_dump(), {"tool": ["postgres"], "doc": ["runbook"]})


def gpt(urls):
    return openai.OpenAI(api_key="k", base_url=urls["openai"] + "/v1", max_retries=0)


def gemini(urls, **options):
    return genai.Client(
        api_key="k", http_options=types.HttpOptions(base_url=urls["gemini"], **options)
    )


def instructed(client, model, answer=Tags):
    return client.chat.completions.create(
        model=model, response_model=answer, messages=MESSAGES, max_retries=0
    )


def check_instructor_with_openai():
    with world() as urls:
        for mode in ("TOOLS", "TOOLS_STRICT", "JSON", "JSON_SCHEMA", "MD_JSON"):
            client = instructor.from_openai(gpt(urls), mode=instructor.Mode[mode])
            is_right(instructed(client, OPENAI_MODEL))


def check_instructor_with_gemini():
    with world() as urls:
        for mode in ("GENAI_TOOLS", "GENAI_STRUCTURED_OUTPUTS"):
            client = instructor.from_genai(gemini(urls), mode=instructor.Mode[mode])
            is_right(instructed(client, GEMINI_MODEL))


def check_instructor_takes_defaults():
    with world() as urls:
        client = instructor.from_genai(
            gemini(urls), mode=instructor.Mode.GENAI_STRUCTURED_OUTPUTS
        )
        answer = instructed(client, GEMINI_MODEL, Defaults)
        same(answer.labels, ["runbook", "billing", "postgres"])


def check_langchain_with_openai():
    with world() as urls:
        chat = ChatOpenAI(
            model=OPENAI_MODEL, api_key="k", base_url=urls["openai"] + "/v1", max_retries=0
        )
        holds(chat.invoke(PROMPT).content, "postgres")
        for method in ("json_schema", "function_calling"):
            is_right(chat.with_structured_output(Tags, method=method).invoke(PROMPT))
        loose = chat.with_structured_output(Tags, method="json_mode")
        # The service wants the word in the prompt, and the model has to be told the form.
        holds(str(raises_any(loose.invoke, PROMPT)), "must contain the word 'json'")
        form = json.dumps(Tags.model_json_schema())
        is_right(loose.invoke(f"{PROMPT}\nAnswer in JSON of this schema: {form}"))


def raises_any(call, *args):
    """The error that the call raises; LangChain has kinds of its own of those of OpenAI."""
    try:
        result = call(*args)
    except openai.BadRequestError as error:
        return error
    raise AssertionError(f"no error, but {result!r}")


def check_langchain_with_gemini():
    with world() as urls:
        chat = ChatGoogleGenerativeAI(
            model=GEMINI_MODEL, google_api_key="k", base_url=urls["gemini"], max_retries=1
        )
        holds(str(chat.invoke(PROMPT).content), "postgres")
        is_right(chat.with_structured_output(Tags).invoke(PROMPT))
        for method in ("json_schema", "function_calling"):
            is_right(chat.with_structured_output(Tags, method=method).invoke(PROMPT))


def check_pydantic_ai_with_openai():
    with world() as urls:
        provider = OpenAIProvider(base_url=urls["openai"] + "/v1", api_key="k")
        for kind in (OpenAIChatModel, OpenAIResponsesModel):
            for form in (Tags, ToolOutput(Tags), NativeOutput(Tags, strict=True)):
                agent = Agent(kind(OPENAI_MODEL, provider=provider), output_type=form, retries=0)
                is_right(agent.run_sync(PROMPT).output)


def check_pydantic_ai_with_gemini():
    with world() as urls:
        model = GoogleModel(GEMINI_MODEL, provider=GoogleProvider(client=gemini(urls)))
        for form in (Tags, ToolOutput(Tags), NativeOutput(Tags)):
            is_right(Agent(model, output_type=form, retries=0).run_sync(PROMPT).output)


def check_gemini_in_the_language_of_openai():
    with world(gemini="quota = { requests = 3 }") as urls:
        base = urls["gemini"] + "/v1beta/openai/"
        client = openai.OpenAI(api_key="k", base_url=base, max_retries=0)
        # It takes a temperature and `max_tokens`.
        settings = {"model": GEMINI_MODEL, "temperature": 0, "max_tokens": 400}
        answer = client.chat.completions.parse(messages=MESSAGES, response_format=Tags, **settings)
        is_right(answer.choices[0].message.parsed)
        same(list(json.loads(answer.choices[0].message.content)), ["tool", "doc"])
        chunks = list(client.chat.completions.create(messages=MESSAGES, stream=True, **settings))
        holds("".join(chunk.choices[0].delta.content or "" for chunk in chunks), "postgres")
        assert f"models/{GEMINI_MODEL}" in [model.id for model in client.models.list()]
        create = client.chat.completions.create
        raises(openai.NotFoundError, create, model="gemini-0", messages=MESSAGES)
        create(messages=MESSAGES, **settings)
        error = raises(openai.RateLimitError, create, messages=MESSAGES, **settings)
        holds(str(error), "RESOURCE_EXHAUSTED", "retryDelay")


def check_interactions():
    with world() as urls:
        client = gemini(urls, api_version="v1beta")
        create = client.interactions.create
        first = create(model=GEMINI_MODEL, input=PROMPT)
        same([step.type for step in first.steps], ["user_input", "model_output"])
        same(first.status, "completed")
        holds(first.output_text, "postgres")
        assert first.usage.total_tokens > first.usage.total_input_tokens > 0, first.usage
        schema = Tags.model_json_schema()
        form = {"type": "text", "mime_type": "application/json", "schema": schema}
        told = create(model=GEMINI_MODEL, input=PROMPT, response_format=form)
        is_right(Tags.model_validate_json(told.output_text))
        next_one = create(
            model=GEMINI_MODEL, input="Once more.", previous_interaction_id=first.id
        )
        assert next_one.usage.total_input_tokens > first.usage.total_input_tokens, next_one.usage
        tools = [{"type": "function", "name": "tag", "parameters": schema}]
        settings = {"tool_choice": "any"}
        called = create(
            model=GEMINI_MODEL, input=PROMPT, tools=tools, generation_config=settings
        )
        same((called.status, called.steps[-1].name), ("requires_action", "tag"))
        is_right(Tags(**called.steps[-1].arguments))
        events = list(create(model=GEMINI_MODEL, input=PROMPT, stream=True))
        same(events[0].event_type, "interaction.created")
        same(events[-1].event_type, "interaction.completed")
        deltas = [event.delta.text for event in events if event.event_type == "step.delta"]
        same("".join(deltas), first.output_text)
        same(client.interactions.get(id=first.id).output_text, first.output_text)
        client.interactions.delete(id=first.id)
        try:
            client.interactions.get(id=first.id)
        except Exception as error:  # Its class is no part of the SDK's face.
            holds(str(error), "404")
        else:
            raise AssertionError("it was deleted")


if __name__ == "__main__":
    run(dict(globals()))
