/** Reads the configuration strictly: every key has an owner, all problems are reported at once. */
@NullMarked
package io.exeat.config;

import org.jspecify.annotations.NullMarked;
