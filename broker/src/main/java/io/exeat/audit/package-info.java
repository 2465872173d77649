/** What happened, recorded before anybody is told. */
@NullMarked
package io.exeat.audit;

import org.jspecify.annotations.NullMarked;
