/** The MCP gateway: between agents and tool servers, each call decided before it is passed on. */
@NullMarked
package io.exeat.gateway.mcp;

import org.jspecify.annotations.NullMarked;
