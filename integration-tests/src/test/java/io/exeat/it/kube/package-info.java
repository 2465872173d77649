/** The injector behind a real Kubernetes API server. */
@NullMarked
package io.exeat.it.kube;

import org.jspecify.annotations.NullMarked;
