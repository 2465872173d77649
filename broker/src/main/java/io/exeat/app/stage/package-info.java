/** Real parts to act with: OpenBao, Postgres and SPIRE, started for the demo and for tests. */
@NullMarked
package io.exeat.app.stage;

import org.jspecify.annotations.NullMarked;
