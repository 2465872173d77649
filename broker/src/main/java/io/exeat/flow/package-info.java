/** The story of each request, one line a step; start reading at {@code Broker}. */
@NullMarked
package io.exeat.flow;

import org.jspecify.annotations.NullMarked;
