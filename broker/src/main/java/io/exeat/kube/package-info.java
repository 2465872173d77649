/** The injector: a pod in, a patch out. Start at {@link io.exeat.kube.Webhook}. */
@NullMarked
package io.exeat.kube;

import org.jspecify.annotations.NullMarked;
