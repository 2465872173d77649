/** Words to commands: the command line is a client like any other. */
@NullMarked
package io.exeat.cli;

import org.jspecify.annotations.NullMarked;
