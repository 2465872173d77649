"""A client that shows the names of a server's tools, and again whenever it hears that they have changed.

    listening_client.py <url> <era>     era is legacy, or auto for the latest that both know

One line of JSON each on standard output: {"tools": [...], "declared": true} and then {"heard": "..."} and {"tools": [...]}.
"""

import asyncio
import json
import sys
from typing import Any

from mcp import Client
from mcp.client.subscriptions import ToolsListChanged


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


async def show(client: Client) -> None:
    listed = await client.list_tools()
    declared = client.server_capabilities.tools
    say(tools=[tool.name for tool in listed.tools], declared=bool(declared and declared.list_changed))


async def main(url: str, era: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def handle(message: Any) -> None:
        method = getattr(message, "method", "")
        if method.endswith("/list_changed"):
            await heard.put(method)

    async with Client(url, mode=era, message_handler=handle) as client:
        if era == "legacy":
            await show(client)
            while True:
                say(heard=await heard.get())
                await show(client)
        async with client.listen(tools_list_changed=True) as changes:
            await show(client)
            async for change in changes:
                if isinstance(change, ToolsListChanged):
                    say(heard="notifications/tools/list_changed")
                    await show(client)


asyncio.run(main(sys.argv[1], sys.argv[2]))
