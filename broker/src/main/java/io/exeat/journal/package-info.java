/** What is outstanding, written before it exists. */
@NullMarked
package io.exeat.journal;

import org.jspecify.annotations.NullMarked;
