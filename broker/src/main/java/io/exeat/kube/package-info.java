/** The injector: a pod in, a patch out. */
@NullMarked
package io.exeat.kube;

import org.jspecify.annotations.NullMarked;
