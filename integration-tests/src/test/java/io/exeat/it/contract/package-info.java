/** The contract suites against the real parts, and what only real parts can show. */
@NullMarked
package io.exeat.it.contract;

import org.jspecify.annotations.NullMarked;
