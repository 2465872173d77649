/** What the agent works on: the catalogue, a task, its scope, its epochs, its end. */
@NullMarked
package io.exeat.task;

import org.jspecify.annotations.NullMarked;
