/** Passing a task on: a child's scope is never wider than its parent's. */
@NullMarked
package io.exeat.delegate;

import org.jspecify.annotations.NullMarked;
