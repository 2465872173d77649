/** The exchange: a grant of a task in, a leased credential out. */
@NullMarked
package io.exeat.credential;

import org.jspecify.annotations.NullMarked;
