/** The broker's identity from a SPIFFE Workload API: SPIRE's, or the development authority's. */
@NullMarked
package io.exeat.identity.workload;

import org.jspecify.annotations.NullMarked;
