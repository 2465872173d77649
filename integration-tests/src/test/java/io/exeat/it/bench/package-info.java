/** What the broker costs, beside the floor measured in the same run. */
@NullMarked
package io.exeat.it.bench;

import org.jspecify.annotations.NullMarked;
