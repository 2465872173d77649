/** The main method, the wiring, the life cycle: the only place that knows every mode. */
@NullMarked
package io.exeat.app;

import org.jspecify.annotations.NullMarked;
