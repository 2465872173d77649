/** The audit chain in files of JSON lines. */
@NullMarked
package io.exeat.audit.file;

import org.jspecify.annotations.NullMarked;
