/** Looking at Kubernetes: whether service accounts are gone, and may do nothing any more. */
@NullMarked
package io.exeat.revoke.kubernetes;

import org.jspecify.annotations.NullMarked;
