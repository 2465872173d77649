/** The figures' door: what the broker counts, as Prometheus reads it, on a socket of its own. */
@NullMarked
package io.exeat.gateway.metrics;

import org.jspecify.annotations.NullMarked;
