# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_robot.py [http] - a robot's skills, written with the MCP package of PyPI (1.x and
2.x); over HTTP it prints its port first."""
import asyncio
import socket
import sys

try:
    from mcp.server.mcpserver import Context, MCPServer as Server
    NEWER = True
except ImportError:
    from mcp.server.fastmcp import Context, FastMCP as Server
    NEWER = False

port = 0
if sys.argv[1:] == ["http"]:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
server = Server("robot") if NEWER or not port else Server("robot", host="127.0.0.1", port=port)


@server.tool(meta={"omnesia/skill": {"needs": ["free(robot)"], "seconds": 1, "limit": 30}})
async def turn(times: int, ctx: Context) -> dict[str, object]:
    """Turn around so many times."""
    for i in range(times):
        await ctx.report_progress(i + 1, times)
        await asyncio.sleep(0.05)
    return {"ok": True, "code": None, "text": f"turned {times} times"}


@server.tool()
async def slip() -> dict[str, object]:
    """Let something fall."""
    return {"ok": False, "code": "dropped", "text": "it slipped"}


@server.tool()
async def break_down() -> str:
    """Raise an error."""
    raise RuntimeError("the motor is on fire")


if port:
    print(port, flush=True)
    server.run("streamable-http", **({"host": "127.0.0.1", "port": port} if NEWER else {}))
else:
    server.run("stdio")
