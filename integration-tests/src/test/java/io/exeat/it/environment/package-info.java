/**
 * Real servers as processes of ours: found or fetched, started on free ports, ended by their own
 * process id.
 */
@NullMarked
package io.exeat.it.environment;

import org.jspecify.annotations.NullMarked;
