/** Tool servers that are reached by URL, over Streamable HTTP. */
@NullMarked
package io.exeat.gateway.mcp.url;

import org.jspecify.annotations.NullMarked;
