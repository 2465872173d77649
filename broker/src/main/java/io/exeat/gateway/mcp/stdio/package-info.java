/** Tool servers that the broker starts itself: one process for each task, as another user. */
@NullMarked
package io.exeat.gateway.mcp.stdio;

import org.jspecify.annotations.NullMarked;
