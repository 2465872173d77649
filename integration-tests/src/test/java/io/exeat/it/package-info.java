/** The broker against real servers. */
@NullMarked
package io.exeat.it;

import org.jspecify.annotations.NullMarked;
