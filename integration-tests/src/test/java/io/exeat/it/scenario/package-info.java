/** Stories of the packaged broker, each told by what Postgres and OpenBao say afterwards. */
@NullMarked
package io.exeat.it.scenario;

import org.jspecify.annotations.NullMarked;
