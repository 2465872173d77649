"""An MCP server with what the MCP conformance suite asks for: its tools, prompts and resources, by its names.

    fixture_server.py --port N      Streamable HTTP at http://127.0.0.1:N/mcp, both eras on the one endpoint
    fixture_server.py --stdio       newline-framed JSON-RPC on standard input and output

It also has tools that tests of a gateway need: what they did is one line each in the file of --effects.
"""

import argparse
import asyncio
import json
import os
import sys
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventMessage, EventStore
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAD//w=="
NOTHING = {"type": "object", "properties": {}}
MISSING_CAPABILITY = -32021
PAUSE = 0.05  # what the suite asks for between two notifications

bus = InMemorySubscriptionBus()
effects = os.devnull


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def said(*content: dict[str, Any]) -> dict[str, Any]:
    return {"content": list(content), "resultType": "complete"}


def schema(required: bool = True, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(properties)} if required else {})}


STRING = {"type": "string"}

# ---- what is asked of the client, in the eras' two ways


def elicitation(message: str, **properties: Any) -> dict[str, Any]:
    return {"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema(**properties)}}


def sampling(words: str, tokens: int) -> dict[str, Any]:
    message = {"role": "user", "content": text(words)}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": tokens}}


ROOTS = {"method": "roots/list", "params": {}}
CAPABILITY = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}


def declared(ctx: Any) -> dict[str, Any]:
    capabilities = ctx.session.client_capabilities
    return capabilities.model_dump(by_alias=True, exclude_none=True) if capabilities else {}


def ask(ctx: Any, state: str | None = None, **requests: Any) -> dict[str, Any]:
    """An answer that wants more first (2026-07-28); only of what the client said that it can."""
    can = declared(ctx)
    asked = {name: request for name, request in requests.items() if CAPABILITY[request["method"]] in can}
    if not asked:
        missing = {CAPABILITY[request["method"]]: {} for request in requests.values()}
        raise MCPError(MISSING_CAPABILITY, "The client lacks what this tool needs", {"requiredCapabilities": missing})
    answer: dict[str, Any] = {"resultType": "input_required", "inputRequests": asked}
    return answer if state is None else {**answer, "requestState": state}


def given(params: Any, name: str) -> dict[str, Any] | None:
    """What the client answered, if it is of any use."""
    answer = (params.input_responses or {}).get(name)
    if answer is None:
        return None
    return answer if isinstance(answer, dict) else answer.model_dump(by_alias=True, exclude_none=True)


def content(answer: dict[str, Any] | None, name: str) -> Any:
    return ((answer or {}).get("content") or {}).get(name) if isinstance((answer or {}).get("content"), dict) else None


async def elicit(ctx: Any, message: str, wanted: dict[str, Any]) -> Any:
    if "elicitation" not in declared(ctx):
        raise MCPError(types.INVALID_REQUEST, "The client cannot elicit")
    return await ctx.session.elicit_form(message, wanted, ctx.request_id)


# ---- tools: name -> (description, input schema, what it does)


async def simple_text(ctx: Any, params: Any) -> Any:
    return said(text("This is a simple text response for testing."))


async def image(ctx: Any, params: Any) -> Any:
    return said({"type": "image", "data": PNG, "mimeType": "image/png"})


async def audio(ctx: Any, params: Any) -> Any:
    return said({"type": "audio", "data": WAV, "mimeType": "audio/wav"})


def embedded(uri: str, kind: str, words: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": words}}


async def embedded_resource(ctx: Any, params: Any) -> Any:
    return said(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))


async def multiple(ctx: Any, params: Any) -> Any:
    return said(
        text("Multiple content types test:"),
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        embedded("test://mixed-content-resource", "application/json", json.dumps({"test": "data", "value": 123})),
    )


async def logging(ctx: Any, params: Any) -> Any:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", words, related_request_id=ctx.request_id)
        await asyncio.sleep(PAUSE)
    return said(text("Tool execution is over"))


async def progress(ctx: Any, params: Any) -> Any:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100, f"{done} of 100")
        await asyncio.sleep(PAUSE)
    return said(text("Progress was reported"))


async def error(ctx: Any, params: Any) -> Any:
    return {**said(text("This tool intentionally returns an error for testing")), "isError": True}


async def sample(ctx: Any, params: Any) -> Any:
    if "sampling" not in declared(ctx):
        raise MCPError(types.INVALID_REQUEST, "The client cannot sample")
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=params.arguments["prompt"]))
    answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return said(text(f"LLM response: {getattr(answer.content, 'text', '')}"))


async def elicited(ctx: Any, params: Any) -> Any:
    wanted = schema(
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    )
    answer = await elicit(ctx, params.arguments["message"], wanted)
    return said(text(f"User response: action={answer.action}, content={json.dumps(answer.content)}"))


async def defaults(ctx: Any, params: Any) -> Any:
    wanted = schema(
        False,
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        verified={"type": "boolean", "default": True},
    )
    answer = await elicit(ctx, "Please look at the defaults", wanted)
    return said(text(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"))


async def enums(ctx: Any, params: Any) -> Any:
    titled = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
    choices = [{"const": f"value{n}", "title": f"{word} Choice"} for n, word in enumerate(("First", "Second", "Third"), 1)]
    wanted = schema(
        False,
        untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
        titledSingle={"type": "string", "oneOf": titled},
        legacyEnum={"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
        untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        titledMulti={"type": "array", "items": {"anyOf": choices}},
    )
    answer = await elicit(ctx, "Please choose", wanted)
    return said(text(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"))


async def reconnection(ctx: Any, params: Any) -> Any:
    if ctx.close_sse_stream:
        await ctx.close_sse_stream()
    await asyncio.sleep(2 * PAUSE)
    return said(text("The stream was closed and taken up again"))


async def ok(ctx: Any, params: Any) -> Any:
    return said(text("ok"))


async def missing_capability(ctx: Any, params: Any) -> Any:
    return ask(ctx, sampled=sampling("Anything", 10)) if "sampling" not in declared(ctx) else await ok(ctx, params)


async def streaming_elicitation(ctx: Any, params: Any) -> Any:
    return ask(ctx, user_name=elicitation("What is your name?", name=STRING))


async def tool_change(ctx: Any, params: Any) -> Any:
    await bus.publish(ToolsListChanged())
    return said(text("published"))


async def prompt_change(ctx: Any, params: Any) -> Any:
    await bus.publish(PromptsListChanged())
    return said(text("published"))


async def ask_name(ctx: Any, params: Any) -> Any:
    name = content(given(params, "user_name"), "name")
    if not isinstance(name, str):
        return ask(ctx, user_name=elicitation("What is your name?", name=STRING))
    return said(text(f"Hello, {name}!"))


async def ask_model(ctx: Any, params: Any) -> Any:
    answer = given(params, "capital_question")
    if answer is None:
        return ask(ctx, capital_question=sampling("What is the capital of France?", 100))
    spoken = answer.get("content")
    return said(text(f"The model said: {spoken.get('text') if isinstance(spoken, dict) else spoken}"))


async def ask_roots(ctx: Any, params: Any) -> Any:
    answer = given(params, "client_roots")
    if answer is None:
        return ask(ctx, client_roots=ROOTS)
    return said(text("Roots: " + ", ".join(str(root.get("uri")) for root in answer.get("roots", []))))


async def ask_with_state(ctx: Any, params: Any) -> Any:
    if params.request_state == "confirming" and given(params, "confirm") is not None:
        return said(text("state-ok"))
    return ask(ctx, "confirming", confirm=elicitation("Please confirm", ok={"type": "boolean"}))


async def ask_all(ctx: Any, params: Any) -> Any:
    answers = [given(params, name) for name in ("user_name", "greeting", "client_roots")]
    if params.request_state != "asked" or None in answers:
        return ask(
            ctx,
            "asked",
            user_name=elicitation("What is your name?", name=STRING),
            greeting=sampling("Generate a greeting", 50),
            client_roots=ROOTS,
        )
    return said(text(f"{content(answers[0], 'name')} was greeted"))


async def ask_twice(ctx: Any, params: Any) -> Any:
    if params.request_state == "second" and given(params, "step2") is not None:
        return said(text(f"Your favorite color is {content(given(params, 'step2'), 'color')}"))
    if params.request_state == "first" and given(params, "step1") is not None:
        return ask(ctx, "second", step2=elicitation("Step 2: What is your favorite color?", color=STRING))
    return ask(ctx, "first", step1=elicitation("Step 1: What is your name?", name=STRING))


async def ask_what_is_possible(ctx: Any, params: Any) -> Any:
    if params.input_responses:
        return said(text("answered"))
    return ask(
        ctx,
        user_name=elicitation("What is your name?", name=STRING),
        greeting=sampling("Generate a greeting", 50),
        client_roots=ROOTS,
    )


async def effect(ctx: Any, params: Any) -> Any:
    with open(effects, "a", encoding="utf-8") as file:
        file.write(json.dumps(params.arguments) + "\n")
    return said(text("done"))


async def show_environment(ctx: Any, params: Any) -> Any:
    """Repeats a variable of its environment, as a careless server would."""
    return said(text(str(os.environ.get((params.arguments or {}).get("name", ""), "unset"))))


async def leave(ctx: Any, params: Any) -> Any:
    os._exit(3)


RICH = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

TOOLS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "test_simple_text": ("Answers with text", NOTHING, simple_text),
    "test_image_content": ("Answers with an image", NOTHING, image),
    "test_audio_content": ("Answers with sound", NOTHING, audio),
    "test_embedded_resource": ("Answers with a resource", NOTHING, embedded_resource),
    "test_multiple_content_types": ("Answers with three kinds of content", NOTHING, multiple),
    "test_tool_with_logging": ("Logs while it works", NOTHING, logging),
    "test_logging_tool": ("Logs while it works", NOTHING, logging),
    "test_tool_with_progress": ("Reports its progress", NOTHING, progress),
    "test_error_handling": ("Fails", NOTHING, error),
    "test_sampling": ("Asks the client's model", schema(prompt=STRING), sample),
    "test_elicitation": ("Asks the client's user", schema(message=STRING), elicited),
    "test_elicitation_sep1034_defaults": ("Asks with defaults", NOTHING, defaults),
    "test_elicitation_sep1330_enums": ("Asks with choices", NOTHING, enums),
    "test_reconnection": ("Closes its stream and goes on", NOTHING, reconnection),
    "json_schema_2020_12_tool": ("Tool with JSON Schema 2020-12 features", RICH, ok),
    "test_custom_headers": (
        "Has arguments that travel as headers too",
        schema(False, region={"type": "string", "x-mcp-header": "Region"}, priority={"type": "integer", "x-mcp-header": "Priority"}),
        ok,
    ),
    "test_missing_capability": ("Needs a client that samples", NOTHING, missing_capability),
    "test_streaming_elicitation": ("Asks the client's user", NOTHING, streaming_elicitation),
    "test_trigger_tool_change": ("Says that the tools have changed", NOTHING, tool_change),
    "test_trigger_prompt_change": ("Says that the prompts have changed", NOTHING, prompt_change),
    "test_input_required_result_elicitation": ("Wants a name first", NOTHING, ask_name),
    "test_input_required_result_sampling": ("Wants a model's answer first", NOTHING, ask_model),
    "test_input_required_result_list_roots": ("Wants the roots first", NOTHING, ask_roots),
    "test_input_required_result_request_state": ("Keeps its state at the client", NOTHING, ask_with_state),
    "test_input_required_result_multiple_inputs": ("Wants three things first", NOTHING, ask_all),
    "test_input_required_result_multi_round": ("Wants two things, one after the other", NOTHING, ask_twice),
    "test_input_required_result_tampered_state": ("Keeps its state at the client", NOTHING, ask_with_state),
    "test_input_required_result_capabilities": ("Wants what the client can give", NOTHING, ask_what_is_possible),
    "effect": ("Does something that stays done", schema(False, mark=STRING), effect),
    "show_environment": ("Repeats a variable of its environment", schema(name=STRING), show_environment),
    "leave": ("Ends the server without a word", NOTHING, leave),
}

# ---- prompts: name -> (description, its arguments, what it says)


def messages(*contents: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": each} for each in contents], "resultType": "complete"}


def prompt_with_context(ctx: Any, params: Any) -> Any:
    context = content(given(params, "user_context"), "context")
    if context is None:
        return ask(ctx, user_context=elicitation("What context should the prompt use?", context=STRING))
    return messages(text(f"In the context of {context}"))


PROMPTS: dict[str, tuple[str, list[str], Any]] = {
    "test_simple_prompt": ("Says one thing", [], lambda ctx, params: messages(text("This is a simple prompt for testing."))),
    "test_prompt_with_arguments": (
        "Repeats its arguments",
        ["arg1", "arg2"],
        lambda ctx, params: messages(
            text(f"Prompt with arguments: arg1='{params.arguments['arg1']}', arg2='{params.arguments['arg2']}'")
        ),
    ),
    "test_prompt_with_embedded_resource": (
        "Holds a resource",
        ["resourceUri"],
        lambda ctx, params: messages(
            embedded(params.arguments["resourceUri"], "text/plain", "Embedded resource content for testing."),
            text("Please process the embedded resource above."),
        ),
    ),
    "test_prompt_with_image": (
        "Holds an image",
        [],
        lambda ctx, params: messages(
            {"type": "image", "data": PNG, "mimeType": "image/png"}, text("Please analyze the image above.")
        ),
    ),
    "test_input_required_result_prompt": ("Wants a context first", [], prompt_with_context),
}

# ---- resources

RESOURCES = {
    "test://static-text": ("text/plain", {"text": "This is the content of the static text resource."}),
    "test://static-binary": ("image/png", {"blob": PNG}),
    "test://watched-resource": ("text/plain", {"text": "It may change."}),
    "test://example-resource": ("text/plain", {"text": "An example."}),
}
TEMPLATE = ("test://template/", "/data")


async def read_resource(ctx: Any, params: Any) -> Any:
    uri = str(params.uri)
    if uri in RESOURCES:
        kind, held = RESOURCES[uri]
    elif uri.startswith(TEMPLATE[0]) and uri.endswith(TEMPLATE[1]):
        key = uri[len(TEMPLATE[0]) : -len(TEMPLATE[1])]
        kind = "application/json"
        held = {"text": json.dumps({"id": key, "templateTest": True, "data": f"Data for ID: {key}"})}
    else:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return {"contents": [{"uri": uri, "mimeType": kind, **held}], "resultType": "complete"}


async def list_resources(ctx: Any, params: Any) -> Any:
    found = [
        {"uri": uri, "name": uri.removeprefix("test://"), "description": "A resource to read", "mimeType": kind}
        for uri, (kind, _) in RESOURCES.items()
    ]
    return {"resources": found, "resultType": "complete"}


async def list_templates(ctx: Any, params: Any) -> Any:
    template = {"uriTemplate": "{id}".join(TEMPLATE), "name": "template", "description": "A template", "mimeType": "application/json"}
    return {"resourceTemplates": [template], "resultType": "complete"}


async def list_tools(ctx: Any, params: Any) -> Any:
    found = [{"name": name, "description": about, "inputSchema": shape} for name, (about, shape, _) in TOOLS.items()]
    return {"tools": found, "resultType": "complete"}


async def call_tool(ctx: Any, params: Any) -> Any:
    if params.name not in TOOLS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    return await TOOLS[params.name][2](ctx, params)


async def list_prompts(ctx: Any, params: Any) -> Any:
    found = [
        {"name": name, "description": about, "arguments": [{"name": each, "description": each, "required": True} for each in wanted]}
        for name, (about, wanted, _) in PROMPTS.items()
    ]
    return {"prompts": found, "resultType": "complete"}


async def get_prompt(ctx: Any, params: Any) -> Any:
    if params.name not in PROMPTS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    return PROMPTS[params.name][2](ctx, params)


async def complete(ctx: Any, params: Any) -> Any:
    words = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return {"completion": {"values": words, "total": len(words), "hasMore": False}, "resultType": "complete"}


async def nothing(ctx: Any, params: Any) -> Any:
    return types.EmptyResult()


CACHED = (
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
)


class Events(EventStore):
    """What was sent, so that a stream can be taken up again."""

    def __init__(self) -> None:
        self._sent: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self._sent.append((stream_id, message))
        return str(len(self._sent))

    async def replay_events_after(self, last_event_id: str, send_callback: Any) -> str | None:
        last = int(last_event_id)
        if not 0 < last <= len(self._sent):
            return None
        stream = self._sent[last - 1][0]
        for number, (of, message) in enumerate(self._sent[last:], last + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def server() -> Server[Any]:
    made: Server[Any] = Server(
        "exeat-fixture",
        version="1.0.0",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=nothing,
        on_unsubscribe_resource=nothing,
        on_subscriptions_listen=ListenHandler(bus),
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
        on_set_logging_level=nothing,
        # As open as can be: who filters by caller must not let it through.
        cache_hints={method: CacheHint(ttl_ms=60_000, scope="public") for method in CACHED},
    )
    made.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="exeat-fixture"))
    return made


async def over_stdio() -> None:
    made = server()
    async with stdio_server() as (read, write):
        await made.run(read, write, made.create_initialization_options(NotificationOptions()))


def main() -> None:
    global effects
    words = argparse.ArgumentParser()
    how = words.add_mutually_exclusive_group(required=True)
    how.add_argument("--port", type=int)
    how.add_argument("--stdio", action="store_true")
    words.add_argument("--effects", default=os.devnull)
    chosen = words.parse_args()
    effects = chosen.effects
    if chosen.stdio:
        print("starting", file=sys.stderr)
        asyncio.run(over_stdio())
    else:
        app = server().streamable_http_app(event_store=Events(), retry_interval=100)
        uvicorn.run(app, host="127.0.0.1", port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
