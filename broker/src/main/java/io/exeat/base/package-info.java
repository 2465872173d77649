/**
 * The words that every step speaks: identifiers, {@link io.exeat.base.Fault}, {@link
 * io.exeat.base.SecretBytes}, time, the request in progress.
 */
@NullMarked
package io.exeat.base;

import org.jspecify.annotations.NullMarked;
