/**
 * {@code exeat demo}: the whole story with real parts, each claim looked at where it must be true.
 */
@NullMarked
package io.exeat.app.demo;

import org.jspecify.annotations.NullMarked;
