/** The MCP gateway, from an agent's side and from an upstream's. */
@NullMarked
package io.exeat.it.mcp;

import org.jspecify.annotations.NullMarked;
