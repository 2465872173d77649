/** The doors: what comes in is parsed once, what goes out is a fault's fields or an answer. */
@NullMarked
package io.exeat.gateway;

import org.jspecify.annotations.NullMarked;
